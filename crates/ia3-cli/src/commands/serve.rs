//! `ia3 serve`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow, bail};
use burn::tensor::Device;
use ia3::data::ChatTemplate;
use ia3::{GenerationFile, Model, PretrainedOptions, Quantization, SentenceConfig};
use ia3_guard::{quote, quote_path};
use ia3_serve::{AdapterSources, App, EngineOptions, Engines, ServerOptions, check_address};
use tokio::net::TcpListener;

use super::base_model::{bits, dtype};
use crate::args::{LogFormat, Serve};
use crate::output;
use crate::progress::Progress;

/// Serves until the process is told to end, and answers what it has begun.
pub(crate) fn run(args: &Serve, device: &Device) -> anyhow::Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    let server = server(args)?;
    // Before the base is loaded, which takes longer.
    check_address(address, &server)
        .map_err(|error| anyhow!("{error} (the variable IA3_API_KEY gives the key, --host the address)"))?;
    let (engines, threads) = engines(args, device)?;
    if engines.adapters().contains(&server.base_name) {
        bail!(
            "the base and an adapter have the name `{}`; give the base another with --model-name",
            quote(&server.base_name)
        );
    }
    log(args.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}; --port takes another port"))?;
        let (base, count) = (quote(&server.base_name).into_owned(), engines.adapters().len());
        output::line(&format!("serving `{base}` and {count} adapters on http://{}", listener.local_addr()?))?;
        let app = App::new(engines.clone(), server);
        ia3_serve::serve(listener, app, told_to_end()?).await.map_err(anyhow::Error::from)
    })?;
    for thread in threads {
        thread.join().map_err(|_| anyhow!("the engine panicked; this is a fault of this program"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn server(args: &Serve) -> anyhow::Result<ServerOptions> {
    let folder = || Some(args.base.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned());
    let name = args.model_name.clone().or_else(folder).unwrap_or_else(|| "base".into());
    if args.api_key.as_ref().is_some_and(String::is_empty) {
        bail!("the key is empty; give another with IA3_API_KEY, or none");
    }
    Ok(ServerOptions::new(name)
        .with_api_key(args.api_key.clone())
        .with_template(ChatTemplate::open(&args.base)?)
        .with_generation(GenerationFile::open(&args.base)?)
        .with_sentence(SentenceConfig::of(&args.base)?)
        .with_allow_loading(args.allow_loading)
        .with_body_limit(args.body_limit)
        .with_connections(args.max_connections as usize))
}

fn engines(args: &Serve, device: &Device) -> anyhow::Result<(Engines, Vec<JoinHandle<()>>)> {
    if let Some(folder) = args.adapters.as_ref().filter(|folder| !folder.is_dir()) {
        bail!("there is no folder `{}`, which --adapters names", quote_path(folder));
    }
    let options = PretrainedOptions::new()
        .with_dtype(dtype(args.dtype))
        .with_keep_quantized(args.keep_quantized)
        .with_fast_integers(args.fast_integers);
    let options = match args.quantize {
        Some(name) => options.with_quantization(Quantization::new(bits(name))),
        None => options,
    };
    let waiting = Progress::waiting("loading the base");
    let base = Model::from_pretrained_with(&args.base, &options, device)?;
    let bounds = bounds(args, &base)?;
    let (engines, threads) = Engines::start(base, adapters(args), bounds)?;
    drop(waiting);
    let EngineOptions { rows, tokens, .. } = engines.options();
    if tokens < args.tokens {
        output::note(format!("a row has {tokens} tokens, which is what the model takes"));
    }
    let bytes = engines.cache_bytes();
    if bytes > 0 {
        output::say(format!("{rows} rows of {tokens} tokens take {} MB", bytes.div_ceil(1_000_000)));
    }
    Ok((engines, threads))
}

/// Where adapters come from.
fn adapters(args: &Serve) -> AdapterSources {
    let sources = AdapterSources::new(args.adapters.clone());
    #[cfg(feature = "hub")]
    let sources = sources.with_hub(args.hub_adapters.then(ia3::hub::Hub::from_env));
    sources
}

/// The most rows that --max-memory gives where --rows does not say how many.
const MOST_ROWS: usize = 256;

/// The bounds of the engines.
fn bounds(args: &Serve, base: &Model) -> anyhow::Result<EngineOptions> {
    let bounds = EngineOptions::new()
        .with_tokens(args.tokens.min(base.module().longest_sequence().unwrap_or(usize::MAX)))
        .with_pass_tokens(args.pass_tokens)
        .with_batch_tokens(args.batch_tokens)
        .with_queue(args.queue)
        .with_adapters(args.max_adapters)
        .with_adapter_dtype(args.adapter_dtype.into());
    Ok(match (args.max_memory, args.rows) {
        (Some(bytes), rows) => bounds.with_memory(base, bytes, rows.unwrap_or(MOST_ROWS))?,
        (None, Some(rows)) => bounds.with_rows(rows),
        (None, None) => bounds,
    })
}

/// Lets a line be written to standard error for each request.
fn log(format: Option<LogFormat>) {
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    // A line that cannot be written is lost, and no reason to stop: its error could not be written either.
    let lines = lines.log_internal_errors(false);
    match format {
        Some(LogFormat::Text) => lines.init(),
        Some(LogFormat::Json) => lines.json().init(),
        None => (),
    }
}

/// Ready when the process gets SIGTERM or SIGINT.
fn told_to_end() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        let terminate = terminate.recv();
        #[cfg(not(unix))]
        let terminate = std::future::pending::<Option<()>>();
        tokio::select! {
            _ = terminate => (),
            _ = tokio::signal::ctrl_c() => (),
        }
        output::say("ending: what has begun is answered, and nothing more is taken");
    })
}
