"""What jobhook is measured beside."""
