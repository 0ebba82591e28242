# docker build -t hecha . && docker run --rm -p 127.0.0.1:8000:8000 -v hecha:/data hecha
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/hecha \
    && /opt/hecha/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY extractor extractor
COPY models models
COPY corpus corpus
COPY api api
RUN /opt/hecha/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
# For .doc, .wps, .rtf and .odt; for 7z and RAR; for the page images of OFD.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libreoffice-writer-nogui libarchive13 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/hecha /opt/hecha
RUN useradd --create-home --uid 10001 hecha && install -d -o hecha -g hecha -m 700 /data
USER hecha
WORKDIR /data
# What the service keeps outlives the container only in a volume.
ENV HECHA_DATA=/data
VOLUME /data
EXPOSE 8000
# Inside a container only the published port reaches the service; -p 127.0.0.1:… keeps it local.
ENTRYPOINT ["/opt/hecha/bin/hecha"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
