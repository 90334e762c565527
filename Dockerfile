# Tessera in an image: the binary, the libraries that it needs, and nothing to log in with.
#
#   docker build --tag tessera .
#   docker run --publish 127.0.0.1:8080:8080 --volume tessera:/data --env TESSERA_PUBLIC_URL=http://localhost:8080 tessera
#
# compose.yaml starts two of it with PostgreSQL and Caddy. A test holds the version of Rust against
# rust-toolchain.toml, and the settings against what the program takes.

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# The cache keeps what was compiled before from one build to the next; the binary has to leave it.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist \
    && install -D target/dist/tessera /image/usr/local/bin/tessera \
    && install -d -m 700 /image/data

# libc, certificates and no shell; the user "nonroot" is 65532. Debian 12, as the build.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr /usr
COPY --from=build --chown=65532:65532 /image/data /data
ENV TESSERA_LISTEN=0.0.0.0:8080 \
    TESSERA_DATABASE_URL=/data/tessera.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/usr/local/bin/tessera", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/tessera"]
CMD ["serve"]
