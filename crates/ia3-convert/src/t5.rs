//! Parsing the names of T5's modules.

use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};

const ATTENTION: [&str; 4] = ["q", "k", "v", "o"];
const FEED_FORWARD: [&str; 4] = ["wi", "wi_0", "wi_1", "wo"];

/// The parts of a path such as `encoder.block.0.layer.1.DenseReluDense.wo`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layer<'a> {
    pub(crate) in_decoder: bool,
    pub(crate) block: usize,
    pub(crate) attention: bool,
    pub(crate) name: &'a str,
}

/// Reads the path of a linear layer in a block of T5.
pub(crate) fn layer(module: &str) -> Option<Layer<'_>> {
    let parts: Vec<&str> = module.split('.').collect();
    let &[stack, "block", block, "layer", layer, part, name] = parts.as_slice() else { return None };
    let in_decoder = stack == "decoder";
    let (attention, names) = match (stack, layer, part) {
        ("encoder" | "decoder", "0", "SelfAttention") | ("decoder", "1", "EncDecAttention") => {
            (true, ATTENTION)
        }
        ("encoder", "1", "DenseReluDense") | ("decoder", "2", "DenseReluDense") => (false, FEED_FORWARD),
        _ => return None,
    };
    let block = block.parse().ok()?;
    names.contains(&name).then_some(Layer { in_decoder, block, attention, name })
}

/// The linear layers of the smallest T5 that has these modules; `None` if a name is not one of T5's.
///
/// All sizes are 1, and each feed-forward block has the layers of a gated and of a plain one. It serves to find out which
/// names select exactly these modules.
pub(crate) fn skeleton<'a>(modules: impl Iterator<Item = &'a str>) -> Option<ModelInfo> {
    let mut blocks = [1; 2];
    for module in modules {
        let layer = layer(module)?;
        let blocks = blocks.get_mut(usize::from(layer.in_decoder))?;
        *blocks = (*blocks).max(layer.block.checked_add(1).filter(|n| *n <= MAX_BLOCKS)?);
    }
    let [encoder, decoder] = blocks;
    let encoder = (0..encoder).flat_map(|i| {
        [(format!("encoder.block.{i}.layer.0.SelfAttention"), ATTENTION), feed_forward("encoder", i, 1)]
    });
    let decoder = (0..decoder).flat_map(|i| {
        let attention = [(0, "SelfAttention"), (1, "EncDecAttention")]
            .map(|(layer, part)| (format!("decoder.block.{i}.layer.{layer}.{part}"), ATTENTION));
        attention.into_iter().chain([feed_forward("decoder", i, 2)])
    });
    let linear = ModuleKind::Linear { d_in: 1, d_out: 1, bias: false };
    let modules =
        encoder.chain(decoder).flat_map(|(parent, names)| names.map(|name| format!("{parent}.{name}")));
    Some(ModelInfo::new("t5", modules.map(|path| ModuleInfo::new(path, linear.clone())).collect()))
}

/// The largest number of blocks, more than any T5 has. It bounds the list whatever names a file holds.
const MAX_BLOCKS: usize = 1000;

fn feed_forward(stack: &str, block: usize, layer: usize) -> (String, [&'static str; 4]) {
    (format!("{stack}.block.{block}.layer.{layer}.DenseReluDense"), FEED_FORWARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_t5_are_told_from_others() {
        let expected = Layer { in_decoder: true, block: 3, attention: true, name: "k" };
        assert_eq!(layer("decoder.block.3.layer.1.EncDecAttention.k"), Some(expected));
        let others = [
            "encoder.block.3.layer.1.EncDecAttention.k",
            "decoder.block.3.layer.2.DenseReluDense.k",
            "decoder.block.x.layer.2.DenseReluDense.wo",
            "lm_head",
        ];
        others.iter().for_each(|path| assert_eq!(layer(path), None, "{path}"));
    }

    #[test]
    fn a_skeleton_has_the_blocks_that_were_seen() {
        let seen = ["encoder.block.1.layer.1.DenseReluDense.wo", "decoder.block.0.layer.0.SelfAttention.k"];
        let info = skeleton(seen.into_iter()).unwrap();
        assert_eq!(info.modules.len(), 2 * 8 + 12);
        assert!(seen.iter().all(|path| info.modules.iter().any(|module| module.path == *path)));
        assert_eq!(skeleton(["lm_head"].into_iter()), None);
        assert_eq!(
            skeleton(["encoder.block.18446744073709551615.layer.0.SelfAttention.k"].into_iter()),
            None
        );
    }
}
