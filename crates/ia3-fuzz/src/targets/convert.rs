//! What the targets of other formats do with an adapter that they have read.

use std::path::Path;

use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};
use ia3_convert::{
    AdapterFormat, FeedForwardSite, open_adapter, open_adapter_for, place_feed_forward, save_adapter_as,
};

/// Opens an adapter and writes it in every format, below the folder `out`; what was written can be read.
pub(super) fn convert(path: &Path, out: &Path) {
    // The names of LyCORIS's modules have a meaning only beside a base.
    let base = ModelInfo::new("t5", vec![linear("a.b_c"), linear("lm_head")]);
    let _ = open_adapter_for(path, Some(&base)).map(|opened| opened.file.statistics());
    let Ok(opened) = open_adapter(path) else { return };
    opened.file.statistics();
    let _ = opened.file.placements(None);
    for site in [FeedForwardSite::Wo, FeedForwardSite::Wi1] {
        let _ = place_feed_forward(opened.file.clone(), site, None);
    }
    for format in [AdapterFormat::Peft, AdapterFormat::TFew, AdapterFormat::AdapterHub] {
        let path = out.join(format.to_string());
        if save_adapter_as(&opened.file, format, &path, None).is_ok() {
            let again = open_adapter(&path).expect("what was written can be read");
            assert_eq!(again.file.vectors.len(), opened.file.vectors.len());
        }
    }
}

fn linear(path: &str) -> ModuleInfo {
    ModuleInfo::new(path, ModuleKind::Linear { d_in: 2, d_out: 2, bias: false })
}
