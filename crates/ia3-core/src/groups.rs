use burn::module::ParamId;

/// The number of groups of the convolution whose weight is the parameter `id`. It is read from the field `groups` in the
/// derived `Debug` text of a module around the convolution.
///
/// burn's visitors see only the parameters, and the shape `[out, in / groups, ..]` of a weight does not determine the number
/// of groups, but the `Debug` text of a module contains it. The function returns `None` if the text has no such field after
/// the weight. Callers then refuse an operation that needs the number of groups.
pub(crate) fn groups(debug: &str, id: ParamId) -> Option<usize> {
    let start = debug.find(&format!("weight: Param: {id} - "))?;
    let mut fields = fields(&debug[start..]).into_iter();
    fields.find_map(|field| field.trim().strip_prefix("groups: ")?.parse().ok())
}

/// The fields from the start of `text`, which is inside a struct, to the end of that struct.
fn fields(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut fields) = (0usize, 0, vec![]);
    for (i, c) in text.char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' if depth == 0 => {
                fields.push(&text[start..i]);
                break;
            }
            '}' | ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                fields.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::nn::conv::{Conv2d, Conv2dConfig, Conv3d, Conv3dConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Net {
        first: Conv2d,
        rest: Vec<Option<Conv3d>>,
        other: (Conv2d, usize),
    }

    fn net() -> Net {
        let device = Device::flex();
        let flat = |groups| Conv2dConfig::new([12, 12], [3, 3]).with_groups(groups).init(&device);
        let deep = |groups| Conv3dConfig::new([12, 12], [1, 2, 3]).with_groups(groups).init(&device);
        Net { first: flat(1), rest: vec![Some(deep(3)), None, Some(deep(12))], other: (flat(4), 7) }
    }

    #[test]
    fn burns_convolutions_show_their_own_groups() {
        let net = net();
        let debug = format!("{net:?}");
        let deep = |i: usize| net.rest[i].as_ref().unwrap().weight.id;
        let ids = [net.first.weight.id, deep(0), deep(2), net.other.0.weight.id];
        assert_eq!(ids.map(|id| groups(&debug, id)), [Some(1), Some(3), Some(12), Some(4)], "{debug}");
    }

    #[test]
    fn nothing_is_guessed() {
        let id = net().first.weight.id;
        let elsewhere =
            format!("Conv2d {{ weight: Param: {id} - X {{ groups: 2 }}, bias: None }}, groups: 3");
        assert_eq!(groups(&elsewhere, id), None, "neither a field inside another nor one outside");
        assert_eq!(groups("Net", id), None);
        assert_eq!(groups(&format!("Conv2d {{ weight: Param: {id} - "), id), None, "cut off");
        assert_eq!(groups(&format!("C {{ weight: Param: {id} - M, groups: Some(2) }}"), id), None);
    }
}
