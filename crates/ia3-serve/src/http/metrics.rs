//! Metrics in the text format of Prometheus.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::app::{App, now};
use crate::snapshot::{Histogram, Snapshot};

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let mut out = String::new();
    if let Some(snapshot) = app.engines().text_snapshot() {
        text(&mut out, &snapshot);
    }
    forward(&mut out, &app.engines().forward_snapshot());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out)
}

/// What the engine for texts has counted.
fn text(out: &mut String, s: &Snapshot) {
    let share = if s.cache_tokens == 0 { 0.0 } else { s.cached_tokens as f64 / s.cache_tokens as f64 };
    let gauges = [
        ("ia3_requests_waiting", "Requests that wait for a row.", s.waiting as f64),
        ("ia3_requests_running", "Requests that run.", s.running as f64),
        ("ia3_rows", "Requests that can run at the same time.", s.rows as f64),
        ("ia3_cache_usage", "Share of the cache of keys and values that is in use.", share),
        ("ia3_adapters_resident", "Adapters in memory.", s.resident_adapters as f64),
        ("ia3_adapter_places", "Adapters that memory has places for.", s.adapter_places as f64),
    ];
    let counters = [
        ("ia3_adapter_loads_total", "Adapters that were read from their folders.", s.adapter_loads),
        ("ia3_adapter_evictions_total", "Adapters that gave their place to another.", s.adapter_evictions),
        ("ia3_passes_total", "Passes of the model.", s.passes),
        ("ia3_prompt_tokens_total", "Tokens of prompts that were read.", s.prompt_tokens),
        ("ia3_reused_tokens_total", "Tokens of prompts that were in the cache already.", s.reused_tokens),
        ("ia3_completion_tokens_total", "Tokens that were chosen.", s.completion_tokens),
        ("ia3_answers_stopped_total", "Answers that ended by themselves.", s.stopped),
        ("ia3_answers_length_total", "Answers that ended at their largest number of tokens.", s.too_long),
        ("ia3_requests_failed_total", "Requests that failed.", s.failed),
        ("ia3_requests_abandoned_total", "Requests whose client went away while they ran.", s.abandoned),
    ];
    values(out, &gauges, &counters);
    adapters(out, s);
    histogram(out, "ia3_first_token_seconds", "From a request to its first token.", &s.first_token);
    histogram(out, "ia3_next_token_seconds", "From one token of an answer to the next.", &s.next_token);
}

/// The adapters that run and wait, in the form that the Inference Extension of Kubernetes' Gateway API reads: labels with names between
/// commas, and the time as the value. A mix with commas in its name is left out.
fn adapters(out: &mut String, s: &Snapshot) {
    let list = |names: &[String]| {
        let names: Vec<String> =
            names.iter().filter(|name| !name.contains(',')).map(|name| escaped(name)).collect();
        names.join(",")
    };
    let (running, waiting) = (list(&s.running_adapters), list(&s.waiting_adapters));
    let name = "ia3_lora_requests_info";
    let _ = writeln!(
        out,
        "# HELP {name} Adapters that run and wait.\n# TYPE {name} gauge\n{name}{{max_lora=\"{}\",running_lora_adapters=\"{running}\",\
         waiting_lora_adapters=\"{waiting}\"}} {}",
        s.adapter_places,
        now()
    );
}

/// A text as the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// What the engine for embeddings, classes and likelihoods has counted.
fn forward(out: &mut String, s: &Snapshot) {
    let gauges = [
        ("ia3_forward_waiting", "Texts that wait for a batch.", s.waiting as f64),
        ("ia3_forward_adapters_resident", "Adapters in memory for batches.", s.resident_adapters as f64),
    ];
    let counters = [
        ("ia3_forward_batches_total", "Batches that were computed.", s.passes),
        ("ia3_forward_texts_total", "Texts that were answered.", s.forwards),
        ("ia3_forward_tokens_total", "Tokens of these texts.", s.prompt_tokens),
        ("ia3_forward_failed_total", "Texts that could not be answered.", s.failed),
        ("ia3_forward_adapter_loads_total", "Adapters that were read for batches.", s.adapter_loads),
        (
            "ia3_forward_adapter_evictions_total",
            "Adapters that gave their place to another.",
            s.adapter_evictions,
        ),
    ];
    values(out, &gauges, &counters);
    histogram(out, "ia3_forward_seconds", "From a text to its answer.", &s.forward);
}

fn values(out: &mut String, gauges: &[(&str, &str, f64)], counters: &[(&str, &str, u64)]) {
    for (name, help, value) in gauges {
        line(out, name, help, "gauge", &value.to_string());
    }
    for (name, help, value) in counters {
        line(out, name, help, "counter", &value.to_string());
    }
}

fn line(out: &mut String, name: &str, help: &str, kind: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

fn histogram(out: &mut String, name: &str, help: &str, values: &Histogram) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
    for (bound, count) in values.buckets() {
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let (count, sum) = (values.count(), values.sum());
    let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
}
