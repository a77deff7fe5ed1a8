//! Products of tiles by AMX, whose registers hold tiles.
//!
//! The instructions are written as assembly, because the compiler's functions for them are not stable. A process has to ask Linux for
//! the registers before it uses them.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::LazyLock;

use super::operands::Operands;

/// Bytes of a row of a tile.
const ROW: usize = 64;

/// Whether the processor has AMX for bfloat16, and the system lets this process use it.
pub(super) fn is_available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| has_instructions() && is_permitted());
    *AVAILABLE
}

fn has_instructions() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    /// The parts of a thread's state that hold the configuration and the data of tiles.
    const STATE: u32 = 3 << 17;
    let (most, system, features) = (__cpuid_count(0, 0).eax, __cpuid_count(1, 0), || __cpuid_count(7, 0));
    if most < 7 || system.ecx & OSXSAVE == 0 || features().edx & (AMX_BF16 | AMX_TILE) != AMX_BF16 | AMX_TILE
    {
        return false;
    }
    let kept: u32;
    // SAFETY: the system has enabled the instruction, which is asked for above. It reads which state the system keeps.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") kept, out("edx") _, options(nomem, nostack, preserves_flags))
    };
    kept & STATE == STATE
}

/// Asks the system for the data of tiles, once for all threads of the process.
fn is_permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let status: i64;
    // SAFETY: the call changes nothing but which instructions the process may use, and touches no memory of it.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => status,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    status == 0
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    /// Bytes of a row of each tile.
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static CONFIG: Config = {
    let mut config =
        Config { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
    let mut tile = 0;
    while tile < 8 {
        config.row_bytes[tile] = ROW as u16;
        config.rows[tile] = 16;
        tile += 1;
    }
    config
};

/// Gives the tiles back to the system, also if what uses them panics.
struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        // SAFETY: a `Release` exists only where AMX does. The tiles hold nothing that is still wanted.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// Calls `f` while this thread has tiles of 16 rows of 64 bytes.
///
/// # Safety
///
/// AMX must be available.
pub(super) unsafe fn configured(f: impl FnOnce()) {
    // SAFETY: the caller promises AMX; the configuration has the form that the instruction reads.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(readonly, nostack, preserves_flags)) };
    let _release = Release;
    f();
}

/// Writes the product of the blocks to 32 rows and columns of `y`, or adds it to them.
///
/// # Safety
///
/// AMX must be available and [`configured`]. `y` must point to 32 rows of 32 elements, `stride` apart, that may be written, and that are
/// initialised if `add`. `w` must have at least one block, and `x` `parts` times as many.
pub(super) unsafe fn multiply(operands: &Operands, y: *mut f32, stride: usize, add: bool) {
    let Operands { x, w, parts } = *operands;
    let below = y.wrapping_add(16 * stride);
    // SAFETY: the loop loads two tiles from each block of the weight and of `x`, and it loads from and stores to the four tiles of
    // `y`, for all of which the caller answers.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jz 2f",
            "tileloadd tmm0, [{y} + {stride}]",
            "tileloadd tmm1, [{y} + {stride} + 64]",
            "tileloadd tmm2, [{below} + {stride}]",
            "tileloadd tmm3, [{below} + {stride} + 64]",
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "3:",
            "tileloadd tmm4, [{w} + {row}]",
            "tileloadd tmm5, [{w} + {row} + 1024]",
            "mov {part}, {parts}",
            "4:",
            "tileloadd tmm6, [{x} + {row}]",
            "tileloadd tmm7, [{x} + {row} + 1024]",
            "tdpbf16ps tmm0, tmm6, tmm4",
            "tdpbf16ps tmm1, tmm6, tmm5",
            "tdpbf16ps tmm2, tmm7, tmm4",
            "tdpbf16ps tmm3, tmm7, tmm5",
            "add {x}, 2048",
            "dec {part}",
            "jnz 4b",
            "add {w}, 2048",
            "dec {steps}",
            "jnz 3b",
            "tilestored [{y} + {stride}], tmm0",
            "tilestored [{y} + {stride} + 64], tmm1",
            "tilestored [{below} + {stride}], tmm2",
            "tilestored [{below} + {stride} + 64], tmm3",
            add = in(reg) usize::from(add),
            y = in(reg) y,
            below = in(reg) below,
            stride = in(reg) 4 * stride,
            row = in(reg) ROW,
            w = inout(reg) w.as_ptr() => _,
            x = inout(reg) x.as_ptr() => _,
            parts = in(reg) parts,
            part = out(reg) _,
            steps = inout(reg) operands.steps() => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
