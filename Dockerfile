# Build: the locked packages in a virtual environment of their own
FROM python:3.11-slim AS build
COPY requirements.txt requirements-build.txt ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.txt \
    && uv venv /opt/venv \
    && uv pip install --python /opt/venv/bin/python --no-cache --require-hashes --only-binary :all: -r requirements-build.txt \
    && uv pip install --python /opt/venv/bin/python --no-cache --require-hashes --only-binary :all: \
        --no-binary xero-python --no-build-isolation --compile-bytecode -r requirements.txt \
    && uv pip uninstall --python /opt/venv/bin/python uv setuptools

# Run: nothing that builds, and nobody who may write but to /tmp
FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home athenty
# glibc would keep a heap for each of sixteen threads.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2 STATIC_ROOT=/srv/static
WORKDIR /srv/athenty
COPY --from=build /opt/venv /opt/venv
COPY . .
# Collecting needs settings, but nothing they point at.
RUN SECRET_KEY=build SITE_URL=https://build.example DATABASE_URL=postgresql://build@localhost/build \
    REDIS_URL=redis://localhost KMS_BACKEND=aws-kms QUICKBOOKS_CLIENT_ID=build QUICKBOOKS_CLIENT_SECRET=build \
    XERO_CLIENT_ID=build XERO_CLIENT_SECRET=build python manage.py collectstatic --no-input \
    && python -m compileall -q .
USER athenty
EXPOSE 8000
CMD ["gunicorn", "athenty.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
