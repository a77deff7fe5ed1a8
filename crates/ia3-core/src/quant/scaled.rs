//! Factors of a quantised weight, multiplied into its numbers.

use super::stored::QuantizedWeight;
use crate::quantization_error::QuantizationError;

impl QuantizedWeight {
    /// Scales the weight along its outputs. The result is exact: the magnitude goes into the scales and the sign into the
    /// integers, or into the scales too where an integer of the output has no opposite. Minima take the whole factor.
    pub(super) fn scaled(mut self, l: &[f32]) -> Self {
        let ([_, inputs], blocks) = (self.layout.shape, self.layout.blocks());
        let smallest = -self.layout.bits.largest() - 1;
        let rows = self.values.chunks_exact_mut(inputs).zip(self.scales.chunks_exact_mut(blocks));
        for ((values, scales), l) in rows.zip(l) {
            // A factor of 0 makes the integers 0.
            let sign = if *l == 0.0 { 0 } else { l.signum() as i8 };
            let stays = sign == -1 && values.contains(&smallest);
            if !stays {
                values.iter_mut().for_each(|value| *value *= sign);
            }
            scales.iter_mut().for_each(|scale| *scale *= if stays { *l } else { l.abs() });
        }
        for (minima, l) in self.minima.chunks_exact_mut(blocks).zip(l) {
            minima.iter_mut().for_each(|minimum| *minimum *= l);
        }
        self
    }

    /// Multiplies the weights of each input by 1, −1 or 0. The result is exact.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::SharedMinima`] and [`QuantizationError::NoOpposite`], which name the layer `path`.
    pub(super) fn with_input_signs(mut self, path: &str, signs: &[i8]) -> Result<Self, QuantizationError> {
        let changed = signs.iter().position(|sign| *sign != 1).filter(|_| self.layout.minima);
        if let Some(input) = changed {
            return Err(QuantizationError::SharedMinima { path: path.into(), input, factor: signs[input] });
        }
        let smallest = -self.layout.bits.largest() - 1;
        for row in self.values.chunks_exact_mut(self.layout.shape[1]) {
            for (input, (value, sign)) in row.iter_mut().zip(signs).enumerate() {
                if *value == smallest && *sign == -1 {
                    return Err(QuantizationError::NoOpposite { path: path.into(), input, value: smallest });
                }
                *value *= sign;
            }
        }
        Ok(self)
    }
}
