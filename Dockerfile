# Weir as an image. Untested: no image has been built from this file yet.
#   docker build -t weir . && docker run -p 8080:8080 -v ./weir.yaml:/etc/weir/weir.yaml:ro -v weir-state:/var/lib/weir weir
FROM debian:bookworm AS build
WORKDIR /src
COPY scripts/install-packages scripts/install-packages
RUN scripts/install-packages build
COPY . .
RUN cmake --preset release -DWEIR_TESTS=OFF && cmake --build --preset release --target weir

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
      ca-certificates libboost-json1.81.0 libc-ares2 libfmt9 libprometheus-cpp-core1.0 libre2-9 libspdlog1.10 libsqlite3-0 libssl3 libyaml-cpp0.7 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/weir --create-home weir
COPY --from=build /src/build/release/app/weir /usr/local/bin/weir
USER weir
WORKDIR /var/lib/weir
VOLUME /var/lib/weir
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["weir", "health", "--config", "/etc/weir/weir.yaml"]
ENTRYPOINT ["weir"]
CMD ["run", "/etc/weir/weir.yaml"]
