# docker build -t shunt .
# docker run -d --name shunt -v /srv/production:/data -v /srv/shunt-etc:/etc/shunt shunt
# docker kill -s HUP shunt          reads routes.ini again
#
# The volume for /data must be writable for uid 1500; or run with --user and the uid that owns the hot folders, which also
# lets the kernel say at once whether a writer is done with a file.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        cmake gcc libc6-dev libcrypt-dev libcurl4-openssl-dev libgnutls28-dev libinih-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libuv1-dev \
        libyajl-dev nettle-dev ninja-build pkg-config uthash-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DBUILD_TESTING=OFF \
    && cmake --build --preset release \
    && DESTDIR=/image cmake --install build/release --strip --component program \
    && DESTDIR=/image cmake --install build/release --component config

FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libcrypt1 libcurl4 libgnutls30 libinih1 libjansson4 libmicrohttpd12 libnettle8 libsqlite3-0 libuv1 libyajl2 tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1500 shunt \
    && useradd --uid 1500 --gid 1500 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin shunt \
    && mkdir -p /data/PRODUCTION \
    && chown -R shunt:shunt /data
COPY --from=build /image /
ENV SHUNT_SERVICE_DATA=/data/PRODUCTION
USER 1500:1500
VOLUME ["/data", "/etc/shunt"]
STOPSIGNAL SIGTERM
EXPOSE 8001
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["shunt", "status", "--quiet"]
ENTRYPOINT ["shunt"]
CMD ["run"]
