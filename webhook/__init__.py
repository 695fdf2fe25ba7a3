"""Events in, Kubernetes Jobs out, completions back as events."""

__version__ = "0.1.0"
