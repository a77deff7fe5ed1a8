//! The figures of `ia3 eval --metrics`.

use std::collections::BTreeMap;

use anyhow::bail;
use ia3::train::metrics::{bleu, character_error_rate, macro_f1, matthews, micro_f1, rouge, word_error_rate};
use ia3::train::{Evaluation, Example, Target};

use crate::args::FigureName;
use crate::predictions::{Source, Texts};

/// The figures that are asked for, by name.
pub(super) fn of(
    figures: &[FigureName],
    texts: &Texts,
    (examples, evaluation): (&[Example], &Evaluation),
) -> anyhow::Result<BTreeMap<&'static str, f64>> {
    let mut all = BTreeMap::new();
    for figure in figures {
        match figure {
            FigureName::Perplexity => {
                if evaluation.generated.is_empty() && !texts.classes_are_tokens {
                    bail!(
                        "--metrics perplexity needs targets that are texts or hidden tokens, but these are classes or choices"
                    )
                }
                all.insert("perplexity", evaluation.loss.exp());
            }
            FigureName::F1 | FigureName::Matthews => {
                let wanted = classes(examples)?;
                let found = &evaluation.predictions;
                match figure {
                    FigureName::F1 => {
                        all.insert("macro_f1", macro_f1(found, &wanted));
                        all.insert("micro_f1", micro_f1(found, &wanted));
                    }
                    _ => drop(all.insert("matthews", matthews(found, &wanted))),
                }
            }
            FigureName::Rouge | FigureName::Bleu | FigureName::Wer => {
                let (found, wanted) = answers(texts, examples, evaluation)?;
                match figure {
                    FigureName::Rouge => {
                        let scores = rouge(&found, &wanted);
                        all.insert("rouge1", scores.rouge1);
                        all.insert("rouge2", scores.rouge2);
                        all.insert("rougeL", scores.rouge_l);
                    }
                    FigureName::Wer => {
                        all.insert("wer", word_error_rate(&found, &wanted));
                        all.insert("cer", character_error_rate(&found, &wanted));
                    }
                    _ => drop(all.insert("bleu", bleu(&found, &wanted))),
                }
            }
        }
    }
    Ok(all)
}

/// The numbers of the right classes or choices.
fn classes(examples: &[Example]) -> anyhow::Result<Vec<usize>> {
    let class = |example: &Example| match &example.target {
        Target::Class(class) => Ok(*class),
        Target::Choices { answer, .. } | Target::Pairs { answer, .. } => Ok(*answer),
        _ => bail!("--metrics f1 and matthews need targets that are classes or choices, but these are texts"),
    };
    examples.iter().map(class).collect()
}

/// The texts of the answers and of the targets.
fn answers(
    texts: &Texts,
    examples: &[Example],
    evaluation: &Evaluation,
) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut found, mut wanted) = (vec![], vec![]);
    for (place, example) in examples.iter().enumerate() {
        let source = Source { row: place + 1, task: None, adapter: None, template: None };
        if let Some(answer) = texts.answer(source, example, (evaluation, place))? {
            let (prediction, target) = answer.texts();
            found.push(prediction);
            wanted.push(target);
        }
    }
    Ok((found, wanted))
}
