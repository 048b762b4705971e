//! When the kernel received what is read: `SO_TIMESTAMPNS` (socket(7)), so that late reading distorts no latency.

use std::io;
use std::time::{Duration, SystemTime};

use mio::net::TcpStream;

#[cfg(target_os = "linux")]
mod kernel {
    use std::io::IoSliceMut;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
    };
    use nix::sys::time::TimeSpec;

    use super::*;

    pub(in super::super) fn ask_for(stream: &TcpStream) -> bool {
        setsockopt(stream, ReceiveTimestampns, &true).is_ok()
    }

    pub(in super::super) fn control() -> Vec<u8> {
        nix::cmsg_space!(TimeSpec)
    }

    pub(in super::super) fn receive(
        stream: &TcpStream,
        into: &mut [u8],
        control: &mut [u8],
    ) -> io::Result<(usize, Option<SystemTime>)> {
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<()>(
            stream.as_raw_fd(),
            &mut parts,
            Some(control),
            MsgFlags::empty(),
        )?;
        let stamp = message.cmsgs().ok().and_then(|mut all| {
            all.find_map(|one| match one {
                ControlMessageOwned::ScmTimestampns(at) => Some(at),
                _ => None,
            })
        });
        Ok((message.bytes, stamp.and_then(instant)))
    }

    fn instant(at: TimeSpec) -> Option<SystemTime> {
        let seconds = u64::try_from(at.tv_sec()).ok()?;
        let nanos = u32::try_from(at.tv_nsec()).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::Read;

    use super::*;

    pub(in super::super) fn ask_for(_: &TcpStream) -> bool {
        false
    }

    pub(in super::super) fn control() -> Vec<u8> {
        Vec::new()
    }

    pub(in super::super) fn receive(
        mut stream: &TcpStream,
        into: &mut [u8],
        _: &mut [u8],
    ) -> io::Result<(usize, Option<SystemTime>)> {
        Ok((stream.read(into)?, None))
    }
}

pub(super) use self::kernel::{ask_for, control, receive};
