//! Generation from texts. A text is printed as soon as its batch is done, or with `--stream` while it is generated.

use burn::tensor::Device;
use ia3::data::{Conversation, Tokenizer};
use serde::Serialize;

use super::Report;
use crate::args::{Format, Generate};
use crate::commands::adapted_model::AdaptedModel;
use crate::commands::chat;
use crate::commands::generation::{self, Batch};
use crate::output;
use crate::progress::Progress;
use crate::tokenizer::{self, encoded, lines};

/// What `--stream --format json` prints: a line per piece of text, and a line with the whole at the end of each row.
#[derive(Serialize)]
#[serde(untagged)]
enum Event<'a> {
    Piece { row: usize, piece: &'a str },
    Whole { row: usize, text: &'a str, ids: &'a [i64] },
}

/// The ids of each prompt, and what is needed to show what comes of them.
struct Prompts<'a> {
    args: &'a Generate,
    format: Format,
    tokenizer: Tokenizer,
    ids: Vec<Vec<i64>>,
}

/// Generates from `--prompt`, `--prompts` or `--user`. Returns the rows, and the id that pads them.
pub(super) fn generate(
    args: &Generate,
    device: &Device,
    format: Format,
    non_finite: &mut usize,
) -> anyhow::Result<(Report, i64)> {
    let texts = match &args.prompts {
        Some(path) => lines(path, "a prompt")?,
        None => args.prompt.iter().cloned().collect(),
    };
    let tokenizer = tokenizer::open_for_prompts(&args.model.base)?;
    let model = AdaptedModel::new(&args.model, device)?;
    model.check(texts.len().max(1))?;
    let kind = ia3::model_kind(model.base());
    let encode = |prompt: &str| tokenizer.encode_prompt(prompt, None, &kind);
    let ids = match (&args.prompts, &args.user) {
        (_, Some(user)) => vec![of_user(args, user, &tokenizer)?],
        (Some(path), None) => encoded(path, &texts, encode)?,
        (None, None) => texts.iter().map(|prompt| encode(prompt)).collect::<Result<_, _>>()?,
    };
    let report = Prompts { args, format, tokenizer, ids }.run(&model, device, non_finite)?;
    Ok((report, model.base().pad_token_id()))
}

/// The prompt of what the user says.
fn of_user(args: &Generate, user: &str, tokenizer: &Tokenizer) -> anyhow::Result<Vec<i64>> {
    let system = args.system.iter().fold(Conversation::new(), |chat, text| chat.with_message("system", text));
    let text = chat::template(&args.model.base)?.render(&system.with_message("user", user), true)?;
    Ok(tokenizer.encode_plain(&text, None)?)
}

impl Prompts<'_> {
    fn run(&self, model: &AdaptedModel, device: &Device, non_finite: &mut usize) -> anyhow::Result<Report> {
        let Self { args, tokenizer, .. } = self;
        let progress = (!args.stream).then(|| Progress::of("generating", self.ids.len(), 0, "prompts"));
        let file = generation::file(&args.model.base, &args.generation, args.stream.then_some("--stream"))?;
        let mut report = Report { texts: vec![], ids: vec![] };
        let batch_size = if args.stream { 1 } else { args.batch_size.max(1) };
        let mut done = 0;
        for rows in self.ids.chunks(batch_size) {
            let first = report.ids.len();
            let model = model.for_rows(done..done + rows.len())?;
            done += rows.len();
            let inputs = model.batch(rows, model.padding_side(), device)?;
            let config = generation::config(&model, &file, &args.generation)?;
            let stop = Some((tokenizer, args.generation.stop.as_slice()));
            let batch = Batch { model: &model, inputs: &inputs, config, stop };
            let ids = match args.stream {
                true => vec![self.streamed(&batch, first + 1, non_finite)?],
                false => batch.generate(non_finite, &mut |_| Ok(()))?,
            };
            for row in ids {
                report.texts.push(tokenizer.decode(self.answer(&row))?);
                report.ids.push(row);
            }
            match &progress {
                Some(progress) => {
                    self.show(&report, first, progress)?;
                    progress.set(done, "");
                }
                None => self.end_row(&report, first)?,
            }
        }
        Ok(report)
    }

    /// The ids to show of a row: those after the prompt of a chat, otherwise all.
    fn answer<'a>(&self, row: &'a [i64]) -> &'a [i64] {
        let prompt = if self.args.user.is_some() { self.ids[0].len() } else { 0 };
        row.get(prompt..).unwrap_or_default()
    }

    /// Prints the texts of a batch.
    fn show(&self, report: &Report, first: usize, progress: &Progress) -> anyhow::Result<()> {
        let print = |text: &String| output::generated_on(text, self.args.out.as_deref());
        if self.format == Format::Text {
            progress.above(|| report.texts[first..].iter().try_for_each(print))?;
        }
        Ok(())
    }

    /// Generates one row, whose pieces are printed as they come.
    fn streamed(&self, batch: &Batch, row: usize, non_finite: &mut usize) -> anyhow::Result<Vec<i64>> {
        let mut written = Ok(());
        let print = |piece: &str| match self.format {
            Format::Text => output::piece(piece),
            Format::Json if written.is_ok() => written = output::json_line(&Event::Piece { row, piece }),
            Format::Json => (),
        };
        let ids = batch.stream(&self.tokenizer, non_finite, print)?;
        written?;
        Ok(ids)
    }

    fn end_row(&self, report: &Report, place: usize) -> anyhow::Result<()> {
        match self.format {
            Format::Text => output::piece_end(),
            Format::Json => {
                let (text, ids) = (&report.texts[place], &report.ids[place]);
                output::json_line(&Event::Whole { row: place + 1, text, ids })
            }
        }
    }
}
