//! Where the commands name folders of models.

use std::path::PathBuf;

use super::Command;

impl Command {
    /// Where a command names its base and its adapters.
    pub(crate) fn places(&mut self) -> (Option<&mut PathBuf>, Vec<&mut PathBuf>) {
        let (base, adapters) = match self {
            Command::Forward(forward) => (Some(&mut forward.model.base), &mut forward.model.adapters[..]),
            Command::Generate(generate) => (Some(&mut generate.model.base), &mut generate.model.adapters[..]),
            Command::Embed(embed) => (Some(&mut embed.model.base), &mut embed.model.adapters[..]),
            Command::Chat(chat) => (Some(&mut chat.base), &mut chat.adapters[..]),
            #[cfg(feature = "serve")]
            Command::Serve(serve) => (Some(&mut serve.base), &mut [][..]),
            Command::Eval(eval) => (Some(&mut eval.base), &mut [][..]),
            Command::Train(train) => return (Some(&mut train.base), train.adapter.iter_mut().collect()),
            Command::Merge(merge) => (merge.base.as_mut(), &mut merge.adapters[..]),
            Command::Mix(mix) => (mix.base.as_mut(), &mut mix.adapters[..]),
            Command::Quantize(quantize) => (Some(&mut quantize.base), &mut [][..]),
            Command::Status(status) => {
                let adapters = status.folders.iter_mut().chain(&mut status.adapters);
                return (status.base.as_mut(), adapters.collect());
            }
            Command::Diff(diff) => return (None, vec![&mut diff.a, &mut diff.b]),
            Command::Inspect(inspect) => (inspect.base.as_mut(), &mut [][..]),
            Command::Convert(convert) => (convert.base.as_mut(), &mut [][..]),
            _ => (None, &mut [][..]),
        };
        (base, adapters.iter_mut().collect())
    }
}
