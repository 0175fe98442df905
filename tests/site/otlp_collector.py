"""An OTLP/HTTP collector that keeps what it is sent, parsed."""

from __future__ import annotations

import gzip
from collections import defaultdict
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KINDS = {"metrics": ExportMetricsServiceRequest, "traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}


class Collector:
    """Serve `app`; `status` is what it answers each request with."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.requests: defaultdict[str, list[Any]] = defaultdict(list)
        self.app = Starlette(routes=[Route("/v1/{signal}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        message = KINDS[request.path_params["signal"]]()
        message.ParseFromString(body)
        self.requests[request.path_params["signal"]].append(message)
        return Response(status_code=self.status, media_type="application/x-protobuf")

    def metrics(self) -> dict[str, Any]:
        return {
            metric.name: metric
            for request in self.requests["metrics"]
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests["traces"]
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[Any]:
        return [
            record
            for request in self.requests["logs"]
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
