//! Transparent pixels on white, as Pillow's `alpha_composite` computes them.

/// The colours of a pixel, of which `alpha` is opaque, on white.
pub(super) fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    if alpha == 0 {
        return [255; 3];
    }
    let own = u32::from(alpha) << 7;
    let white = (255 << 7) - own;
    let mixed = |value: u8| {
        let sum = u32::from(value) * own + 255 * white + (0x80 << 7);
        ((((sum >> 8) + sum) >> 8) >> 7) as u8
    };
    [red, green, blue].map(mixed)
}
