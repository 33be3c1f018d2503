# The office for production: one image for web, workers and migrations. See compose.yaml.

FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv
WORKDIR /src
COPY constraints.txt ./
COPY .ci/run-constraints .ci/run-pins.txt .ci/traces-pins.txt ./.ci/
# docker compose build --build-arg PINS=traces-pins.txt: with what traces need
ARG PINS
RUN python3 -m venv /opt/postoffice \
 && ./.ci/run-constraints "${PINS:-run-pins.txt}" > run-constraints.txt \
 && /opt/postoffice/bin/pip install --no-cache-dir --use-pep517 --require-hashes --no-deps -r run-constraints.txt
COPY pyproject.toml README.md ./
COPY postoffice ./postoffice
COPY templates ./templates
COPY printdrivers ./printdrivers
RUN /opt/postoffice/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM debian:bookworm-slim
COPY .ci/packages-run.txt /tmp/packages-run.txt
# the first of each line's alternatives; a queue server is another container's work
RUN apt-get update \
 && sed -E '/^(#|$)/d; s/^\? *//; s/ *\|.*//; /^redis-server/d' /tmp/packages-run.txt \
  | xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages-run.txt \
 && useradd --system --uid 10025 --user-group --home-dir /data --shell /usr/sbin/nologin postoffice \
 && install -d -o postoffice -g postoffice -m 0750 /data
COPY --from=build /opt/postoffice /opt/postoffice
ENV PATH=/opt/postoffice/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    LANG=C.UTF-8 \
    POSTOFFICE_DATA=/data \
    POSTOFFICE_HOST=0.0.0.0 \
    POSTOFFICE_LOG_JSON=true \
    POSTOFFICE_PORT=8025 \
    POSTOFFICE_IPPS_PORT=8631
USER postoffice
WORKDIR /data
VOLUME /data
EXPOSE 8025 8631
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['POSTOFFICE_PORT'] + '/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["postoffice", "serve"]
