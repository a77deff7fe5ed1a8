use serde::Deserialize;

use super::error::ImageError;

/// The largest side that an image is resized or cropped to.
const LARGEST: usize = 1 << 14;

/// A size in `preprocessor_config.json`: a number, a height and a width, or an object of named sides.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a size: a number, two numbers, or an object of named sides")]
pub(super) enum SizeField {
    Number(usize),
    Sides([usize; 2]),
    Named(NamedSides),
}

/// The sides that a size names.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NamedSides {
    height: Option<usize>,
    width: Option<usize>,
    shortest_edge: Option<usize>,
    longest_edge: Option<usize>,
    max_height: Option<usize>,
    max_width: Option<usize>,
}

/// The size that an image is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The height and the width.
    Sides([usize; 2]),
    /// The shorter side; the other one keeps the shape of the image.
    Shortest(usize),
}

impl SizeField {
    /// The size that the field `field` says. A number is a square, or else the shorter side.
    pub(super) fn target(&self, field: &'static str, square: bool) -> Result<Target, ImageError> {
        let target = match self {
            Self::Number(side) if square => Target::Sides([*side; 2]),
            Self::Number(side) => Target::Shortest(*side),
            Self::Sides(sides) => Target::Sides(*sides),
            Self::Named(sides) => sides.target(field)?,
        };
        let possible = |side: usize| (1..=LARGEST).contains(&side);
        let fits = match target {
            Target::Sides([height, width]) => possible(height) && possible(width),
            Target::Shortest(side) => possible(side),
        };
        let found = format!("{target:?}");
        let expected = "sides of 1 to 16384 pixels";
        if fits { Ok(target) } else { Err(ImageError::Field { field, found, expected }) }
    }
}

impl NamedSides {
    fn target(&self, field: &'static str) -> Result<Target, ImageError> {
        let other = self.longest_edge.or(self.max_height).or(self.max_width);
        match (self.height, self.width, self.shortest_edge, other) {
            (Some(height), Some(width), None, None) => Ok(Target::Sides([height, width])),
            (None, None, Some(side), None) => Ok(Target::Shortest(side)),
            _ => {
                let expected = "`height` and `width`, or `shortest_edge`";
                Err(ImageError::Field { field, found: format!("{self:?}"), expected })
            }
        }
    }
}

impl Target {
    /// The height and the width of an image of these sides when it is resized.
    pub(super) fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Sides(sides) => sides,
            Self::Shortest(side) if width <= height => [side * height / width.max(1), side],
            Self::Shortest(side) => [side, side * width / height.max(1)],
        }
    }
}
