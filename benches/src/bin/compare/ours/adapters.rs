//! Loading, switching and merging adapters.

use anyhow::Result;
use ia3::Ia3Model;

use super::Ours;

impl Ours {
    pub(super) fn adapters(&mut self) -> Result<()> {
        let (base, device, few) = (self.base.clone(), self.device.clone(), self.settings.runs.max(5));
        let (info, dir) = (base.info(), self.dir.join("adapter_b"));
        self.time("load adapter", few, || {
            let adapter = ia3::io::load_adapter(&dir, &info, &device)?;
            ia3::attach(&base, &[&adapter])?;
            Ok(())
        })?;
        let mut named = Ia3Model::builder(base.clone()).without_adapter()?;
        for name in ["a", "b"] {
            named.insert_adapter(name, self.adapter.fork())?;
        }
        let mut names = ["a", "b"].into_iter().cycle();
        self.time("switch", 4 * few, || Ok(named.set_adapter(names.next()).map(|_| ())?))?;
        let adapter = self.adapter.clone();
        self.time("merge", few, || Ok(ia3::merge(&base, &[&adapter]).map(|_| ())?))
    }
}
