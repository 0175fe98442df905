# Wellhead's image, built without a network from a context that `make image-context` lays out in build/image:
#
#   make image-context
#   docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:... -t wellhead:0.1.0 build/image
#   docker build --build-arg BASE=... --target sbom --output type=local,dest=. build/image      # what is in it: sbom.json
#
# BASE has no default: name the digest that you have looked at.
ARG BASE

FROM ${BASE} AS build
COPY wheels /build/wheels
COPY runtime.lock sbom.py /build/
RUN python -m venv --without-pip /opt/wellhead \
 && python -m pip --python /opt/wellhead/bin/python install --no-cache-dir --no-compile --no-index --find-links /build/wheels --require-hashes -r /build/runtime.lock \
 && python -m pip --python /opt/wellhead/bin/python install --no-cache-dir --no-compile --no-index --no-deps /build/wheels/wellhead-*.whl \
 && /opt/wellhead/bin/python /build/sbom.py > /build/sbom.json \
 && install -d -o 10001 -g 10001 /build/home

FROM scratch AS sbom
COPY --from=build /build/sbom.json /sbom.json

FROM ${BASE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wellhead" \
      org.opencontainers.image.description="Pulls security SaaS APIs exactly once per tenant and publishes Avro records to Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/wellhead /opt/wellhead
COPY --from=build --chown=10001:10001 /build/home /var/lib/wellhead
ENV PATH=/opt/wellhead/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/wellhead \
    HEALTH_PORT=8083 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/wellhead
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['HEALTH_PORT'] + '/live', timeout=5)"]
ENTRYPOINT ["wellhead"]
CMD ["--help"]
