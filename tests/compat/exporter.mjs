// Sends one trace by an exporter of OpenTelemetry's JavaScript SDK and prints its id.
// Arguments: URL, the exporter's package, "gzip" or "none".
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/package.json`);
const { SpanStatusCode, SpanKind, trace, context } = require("@opentelemetry/api");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const [url, name, compression] = process.argv.slice(2);
const { OTLPTraceExporter } = require(name);

const exporter = new OTLPTraceExporter({
  url,
  headers: { "x-mlflow-experiment-id": "0" },
  compression,
});
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "shop" }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
const tracer = provider.getTracer("shop.tracer", "1.2.3");
const root = tracer.startSpan("order", {
  kind: SpanKind.SERVER,
  attributes: { text: "ä😀", number: 7, ratio: 0.5, yes: true, list: ["a", "b"] },
});
const inside = trace.setSpan(context.active(), root);
const child = tracer.startSpan("pay", { links: [{ context: root.spanContext() }] }, inside);
child.addEvent("retry", { attempt: 2 });
child.recordException(new Error("no money"));
child.setStatus({ code: SpanStatusCode.ERROR, message: "no money" });
child.end();
root.end();
await provider.forceFlush();
await provider.shutdown();
console.log(root.spanContext().traceId);
