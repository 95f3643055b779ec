# Build the image from this checkout:  docker build -t trackway .
# Run it with its data in a volume:    docker run -p 127.0.0.1:5000:5000 -v trackway:/data trackway

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY trackway/ trackway/
COPY server/ server/
COPY storage/ storage/
COPY client_compat/ client_compat/
RUN python -m venv /opt/trackway \
 && /opt/trackway/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgres,s3,sso]' \
 && (/opt/trackway/bin/trackway ui fetch || echo "the web UI could not be fetched; building without it")

FROM python:3.13-slim
COPY --from=build /opt/trackway /opt/trackway
RUN useradd --uid 1000 --no-create-home --home-dir /data --shell /usr/sbin/nologin trackway \
 && install --directory --owner=trackway --group=trackway /data
ENV PATH="/opt/trackway/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    MLFLOW_BACKEND_STORE_URI="sqlite:////data/trackway.db" \
    MLFLOW_ARTIFACTS_DESTINATION="/data/artifacts"
# A number, because Kubernetes (runAsNonRoot) cannot check a user name.
USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
CMD ["trackway", "serve", "--host", "0.0.0.0", "--port", "5000"]
