"""The ancestor's way: every request compiles the template, parses its text as YAML, and posts it by the sync client.

Served by gunicorn: `KUBECONFIG=… TEMPLATE=… gunicorn --bind 127.0.0.1:PORT bench.peers.ancestor:app`.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import jinja2
import yaml
from flask import Flask, jsonify, request
from kubernetes import client, config

SIGNATURE = "ancestor"

app = Flask(__name__)
config.load_kube_config()
jobs = client.BatchV1Api()


@app.post("/hooks/github")
def create() -> tuple[object, int]:
    push = request.get_json()
    template = jinja2.Template(Path(os.environ["TEMPLATE"]).read_text(encoding="utf-8"))
    text = template.render(
        repository=push["repository"]["full_name"], commit=push["after"], pusher=push["pusher"]["name"]
    )
    manifest = yaml.safe_load(text)
    name = f"push-{secrets.token_hex(16)}"
    manifest["metadata"]["name"] = name
    manifest["metadata"]["labels"] |= {"app.kubernetes.io/managed-by": SIGNATURE, "job_definition_name": "push"}
    jobs.create_namespaced_job(namespace=os.environ.get("JOB_NAMESPACE", "default"), body=manifest)
    return jsonify(job_name=name), 202


@app.get("/readyz")
def ready() -> str:
    return ""
