# After `make build`: docker build --tag tap-yoc .
FROM python:3.13-slim

COPY dist/*.whl /tmp/
RUN pip install --no-cache-dir /tmp/*.whl \
    && rm /tmp/*.whl \
    && useradd --create-home --uid 1000 tap

USER 1000
WORKDIR /home/tap
ENTRYPOINT ["tap-yoc"]
