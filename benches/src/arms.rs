//! The four ways in which a model runs.

use ia3::core::Adapter;
use ia3::models::Model;

use crate::setup::Setup;

impl Setup {
    /// The base, the base under the adapter, the two merged, and a batch whose rows use two adapters alternately.
    ///
    /// # Panics
    ///
    /// Panics if the adapter does not fit the base, which it does as [`Shape::setup`](crate::Shape::setup) makes the two.
    pub fn arms(&self) -> [(&'static str, Model); 4] {
        let adapters = [&self.adapter];
        [
            ("base", self.base.clone()),
            ("adapter", ia3::attach(&self.base, &adapters).expect("the adapter fits")),
            ("merged", ia3::merge(&self.base, &adapters).expect("the adapter fits")),
            ("mixed", self.mixed()),
        ]
    }

    fn mixed(&self) -> Model {
        let (other, [batch, _]) = (self.adapter.fork(), self.labels.dims());
        let of_row = |row| Some(if row % 2 == 0 { &self.adapter } else { &other });
        let rows: Vec<Option<&Adapter>> = (0..batch).map(of_row).collect();
        ia3::attach_rows(&self.base, &rows).expect("the adapters fit")
    }
}
