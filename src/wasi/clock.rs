//! `clock_*`: what time it is; knows no waiting.

use rustix::time::ClockId;

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::{guest, host};

/// The clocks of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time since 1970.
    Realtime,
    /// Time since some moment, never set back.
    Monotonic,
    /// Processor time of the process.
    ProcessCpuTime,
    /// Processor time of the thread.
    ThreadCpuTime,
}

impl Clock {
    pub(super) fn decode(id: u32) -> Result<Clock, Errno> {
        match id {
            0 => Ok(Clock::Realtime),
            1 => Ok(Clock::Monotonic),
            2 => Ok(Clock::ProcessCpuTime),
            3 => Ok(Clock::ThreadCpuTime),
            _ => Err(Errno::Inval),
        }
    }
}

/// What a guest's clocks show, in nanoseconds.
pub trait Clocks: Send + Sync {
    /// The time now.
    fn now(&self, clock: Clock) -> Result<u64, Errno>;

    /// The smallest step.
    fn resolution(&self, clock: Clock) -> Result<u64, Errno>;
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostClocks;

impl HostClocks {
    fn id(clock: Clock) -> ClockId {
        match clock {
            Clock::Realtime => ClockId::Realtime,
            Clock::Monotonic => ClockId::Monotonic,
            Clock::ProcessCpuTime => ClockId::ProcessCPUTime,
            Clock::ThreadCpuTime => ClockId::ThreadCPUTime,
        }
    }
}

impl Clocks for HostClocks {
    fn now(&self, clock: Clock) -> Result<u64, Errno> {
        Ok(host::from_timespec(rustix::time::clock_gettime(HostClocks::id(clock))))
    }

    fn resolution(&self, clock: Clock) -> Result<u64, Errno> {
        Ok(host::from_timespec(rustix::time::clock_getres(HostClocks::id(clock))))
    }
}

impl WasiCtx {
    /// Writes the resolution of a clock.
    pub fn clock_res_get(&mut self, memory: &mut [u8], clock: u32, resolution: u32) -> Result<(), Errno> {
        let value = self.clocks.resolution(Clock::decode(clock)?)?;
        guest::store_u64(memory, resolution, value)
    }

    /// Writes the time of a clock. No clock is slow enough to be worth the precision that is asked for.
    pub fn clock_time_get(
        &mut self,
        memory: &mut [u8],
        clock: u32,
        _precision: u64,
        time: u32,
    ) -> Result<(), Errno> {
        let value = self.clocks.now(Clock::decode(clock)?)?;
        guest::store_u64(memory, time, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clocks that stand still.
    struct Stopped;

    impl Clocks for Stopped {
        fn now(&self, _: Clock) -> Result<u64, Errno> {
            Ok(42)
        }

        fn resolution(&self, _: Clock) -> Result<u64, Errno> {
            Err(Errno::Notsup)
        }
    }

    fn now(ctx: &mut WasiCtx, clock: u32) -> u64 {
        let mut memory = [0; 8];
        ctx.clock_time_get(&mut memory, clock, 0, 0).unwrap();
        u64::from_le_bytes(memory)
    }

    #[test]
    fn every_clock_of_the_host_runs() {
        let mut ctx = WasiCtx::builder().build();
        let mut memory = [0; 8];
        for clock in 0..4 {
            assert!(now(&mut ctx, clock) <= now(&mut ctx, clock));
            ctx.clock_res_get(&mut memory, clock, 0).unwrap();
            assert_ne!(u64::from_le_bytes(memory), 0);
        }
        assert!(now(&mut ctx, 0) > 1_600_000_000 * host::NANOSECONDS);
        assert_eq!(ctx.clock_time_get(&mut memory, 4, 0, 0), Err(Errno::Inval));
        assert_eq!(ctx.clock_res_get(&mut memory, 4, 0), Err(Errno::Inval));
        assert_eq!(ctx.clock_time_get(&mut memory, 0, 0, 1), Err(Errno::Fault));
    }

    #[test]
    fn clocks_can_be_replaced() {
        let mut ctx = WasiCtx::builder().clocks(Stopped).build();
        assert_eq!(now(&mut ctx, 1), 42);
        assert_eq!(ctx.clock_res_get(&mut [0; 8], 1, 0), Err(Errno::Notsup));
    }
}
