# The receiver and its commands: `docker build -t REGISTRY/jobhook:VERSION .`
# Two stages: what installs stays behind; what runs is Python, the locked wheels and jobhook, as nobody in particular.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The lock first: its layer holds until the lock changes. Hashes are checked, and nothing is built from source.
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/jobhook \
    && python -m pip --python /opt/jobhook/bin/python install --require-hashes --only-binary=:all: -r requirements.txt \
    && python -m pip install --require-hashes --only-binary=:all: -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY webhook webhook
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && python -m pip --python /opt/jobhook/bin/python install --no-deps --no-index /dist/*.whl

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="jobhook" \
      org.opencontainers.image.description="Events in, Kubernetes Jobs out, completions back as events." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/jobhook /opt/jobhook
ENV PATH=/opt/jobhook/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8080
# By number, so that Kubernetes' runAsNonRoot can tell that it is not root; it owns no file.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["jobhook"]
CMD ["serve"]
