//! Devices by the names burn gives them, among the backends that are compiled in.

use burn::tensor::{Device, DeviceType};
use ia3_guard::quote;

/// Why a device is not available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has this name.
    #[error(
        "`{name}` is not a device; known devices are {}; an index after a colon selects one of several GPUs, as in `cuda:1`",
        NAMES.join(", "),
        name = quote(name)
    )]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The backend is not compiled in.
    #[error(
        "the device `{name}` is not compiled in (this build has {}); build with `--features {name}`",
        compiled_in().join(", "),
        name = quote(name)
    )]
    NotCompiled {
        /// The name asked for, which is also the feature's.
        name: String,
    },
    /// No backend is compiled in at all.
    #[error("no backend is compiled in; build with one of the features {}", NAMES.join(", "))]
    None,
}

/// All names, in the order in which burn prefers them.
const NAMES: &[&str] = &["cuda", "rocm", "metal", "vulkan", "webgpu", "wgpu", "cpu", "flex"];

/// Returns the names of the backends that are compiled in.
pub fn compiled_in() -> Vec<&'static str> {
    NAMES.iter().copied().filter(|name| is_compiled_in(name)).collect()
}

fn is_compiled_in(name: &str) -> bool {
    match name {
        "cuda" => cfg!(feature = "cuda"),
        "rocm" => cfg!(feature = "rocm"),
        "metal" => cfg!(feature = "metal"),
        "vulkan" => cfg!(feature = "vulkan"),
        "webgpu" => cfg!(feature = "webgpu"),
        "wgpu" => cfg!(feature = "wgpu"),
        "cpu" => cfg!(feature = "cpu"),
        "flex" => cfg!(feature = "flex"),
        _ => false,
    }
}

/// Returns the device called `name`, such as `flex`, `wgpu` or `cuda:1`. Without a name it returns the preferred one of the
/// backends that are compiled in.
///
/// # Errors
///
/// [`DeviceError`] for an unknown name, and for a backend that is not compiled in, with the feature to add.
///
/// ```
/// # #[cfg(feature = "flex")]
/// let device = ia3::device(Some("flex"))?;
/// assert!(ia3::device(Some("gpu")).unwrap_err().to_string().contains("`gpu` is not a device"));
/// # Ok::<(), ia3::DeviceError>(())
/// ```
pub fn device(name: Option<&str>) -> Result<Device, DeviceError> {
    let name = match name {
        Some(name) => name,
        None => compiled_in().first().copied().ok_or(DeviceError::None)?,
    };
    let unknown = || DeviceError::Unknown { name: name.into() };
    let (backend, index) = match name.split_once(':') {
        Some((backend, index)) => (backend, Some(index.parse::<usize>().map_err(|_| unknown())?)),
        None => (name, None),
    };
    let only_one = matches!(backend, "flex" | "cpu");
    if !NAMES.contains(&backend) || (only_one && index.is_some()) {
        return Err(unknown());
    }
    open(backend, index).ok_or_else(|| DeviceError::NotCompiled { name: backend.into() })
}

#[allow(unused_variables)] // Which arms there are depends on the features.
fn open(backend: &str, index: Option<usize>) -> Option<Device> {
    match backend {
        #[cfg(feature = "cuda")]
        "cuda" => Some(Device::cuda(index.unwrap_or(0))),
        #[cfg(feature = "rocm")]
        "rocm" => Some(Device::rocm(index.unwrap_or(0))),
        #[cfg(feature = "metal")]
        "metal" => Some(Device::metal(kind(index))),
        #[cfg(feature = "vulkan")]
        "vulkan" => Some(Device::vulkan(kind(index))),
        #[cfg(feature = "webgpu")]
        "webgpu" => Some(Device::webgpu(kind(index))),
        #[cfg(feature = "wgpu")]
        "wgpu" => Some(Device::wgpu(kind(index))),
        #[cfg(feature = "cpu")]
        "cpu" => Some(Device::cpu()),
        #[cfg(feature = "flex")]
        "flex" => Some(Device::flex()),
        _ => None,
    }
}

/// The discrete GPU at `index`; without an index the graphics API chooses.
#[cfg(any(feature = "metal", feature = "vulkan", feature = "webgpu", feature = "wgpu"))]
fn kind(index: Option<usize>) -> burn::tensor::DeviceKind {
    index.map_or_else(Default::default, burn::tensor::DeviceKind::DiscreteGpu)
}

/// A device that one of the compiled-in backends finds.
#[derive(Clone, Debug)]
pub struct FoundDevice {
    /// The backend's name, as [`device`] takes it.
    pub backend: &'static str,
    /// The device.
    pub device: Device,
    /// The name of the hardware, such as `NVIDIA H100 PCIe`, if the backend reports one.
    pub part: Option<String>,
}

/// Returns all devices of all compiled-in backends. It opens each GPU to ask for its name, which takes a moment.
///
/// # Panics
///
/// Inside burn, for some backends whose driver is missing.
pub fn devices() -> Vec<FoundDevice> {
    compiled_in().into_iter().flat_map(of_backend).collect()
}

fn of_backend(backend: &'static str) -> Vec<FoundDevice> {
    let Some(kind) = device_type(backend) else { return vec![] };
    let found = |device: Device| FoundDevice { backend, part: part(&device), device };
    Device::enumerate(kind).into_vec().into_iter().map(found).collect()
}

fn device_type(backend: &str) -> Option<DeviceType> {
    match backend {
        #[cfg(feature = "cuda")]
        "cuda" => Some(DeviceType::Cuda),
        #[cfg(feature = "rocm")]
        "rocm" => Some(DeviceType::Rocm),
        #[cfg(feature = "metal")]
        "metal" => Some(DeviceType::Metal),
        #[cfg(feature = "vulkan")]
        "vulkan" => Some(DeviceType::Vulkan),
        #[cfg(feature = "webgpu")]
        "webgpu" => Some(DeviceType::WebGpu),
        #[cfg(feature = "wgpu")]
        "wgpu" => Some(DeviceType::Wgpu),
        #[cfg(feature = "cpu")]
        "cpu" => Some(DeviceType::Cpu),
        #[cfg(feature = "flex")]
        "flex" => Some(DeviceType::Flex),
        _ => None,
    }
}

/// The name that a device of a GPU backend gives itself.
#[cfg(any(feature = "cuda", feature = "rocm", feature = "wgpu", feature = "cpu"))]
fn part(device: &Device) -> Option<String> {
    Some(device.identity()?.name)
}

#[cfg(not(any(feature = "cuda", feature = "rocm", feature = "wgpu", feature = "cpu")))]
fn part(_: &Device) -> Option<String> {
    None
}
