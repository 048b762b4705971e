//! The worker: one epoll of its own for all connections of a runtime, harvested by the clock.
//!
//! No answer wakes the process: events are looked at a little after requests were sent, and at each slot. Kernel
//! stamps on what is received keep the times exact all the same. Where somebody asks for it the same loop wakes.
//! It knows sockets and TLS sessions; it knows no HTTP and no target.

mod harvest;
mod socket;
mod stamp;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use self::socket::Socket;
pub(crate) use self::socket::{Fate, Link, Parking, Received};

/// So many events are taken from the kernel at once.
const EVENTS: usize = 1_024;
/// An answer of usual size comes in one piece.
const SCRATCH: usize = 64 << 10;
/// So many TLS handshakes of one worker are under way at most: at some 280 us of processor each, a storm of thousands
/// would make them all late, and none would end in time.
const HANDSHAKES: usize = 64;

/// The epoll of one runtime, and the connections in it.
pub(crate) struct Worker {
    inner: Mutex<Inner>,
    bell: Arc<Notify>,
    /// The runtime that its loop runs in.
    home: Id,
    epoch: Instant,
    /// Milliseconds since then, as of the loop's last round.
    millis: AtomicU32,
    /// Permits for handshakes.
    pub(crate) handshakes: Arc<Semaphore>,
    /// How long they take.
    pub(crate) shake: Shake,
}

/// How long handshakes take of late, in milliseconds.
pub(crate) struct Shake(AtomicU32);

impl Shake {
    /// Nothing is known yet: rather long, so that a fleet that starts at once is not too much at once.
    fn unknown() -> Self {
        Self(AtomicU32::new(125))
    }

    pub(crate) fn typical(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).into())
    }

    /// One has ended well. It grows faster than it shrinks.
    pub(crate) fn took(&self, millis: u32) {
        let known = self.0.load(Ordering::Relaxed);
        let share = if millis > known { 2 } else { 8 };
        let next = known - known / share + millis / share;
        // Of two at once one is lost, which is no loss.
        self.0.store(next, Ordering::Relaxed);
    }
}

struct Inner {
    poll: Poll,
    /// Holds those only whose events are to be known at once, and is heard by the runtime. All connections in an epoll
    /// that another one listens to would be walked by the kernel at each change of that.
    prompt_poll: Poll,
    events: Events,
    sockets: Slab<Socket>,
    scratch: Scratch,
    /// How many wait for an event.
    waiting: u32,
    /// How many of them want it at once.
    prompt: u32,
    /// How many are kept for later.
    parked: u32,
    /// Whether the loop knows of those who wait.
    rung: bool,
    is_dead: bool,
}

/// What is received goes through here.
struct Scratch {
    cipher: Box<[u8]>,
    plain: Vec<u8>,
    control: Vec<u8>,
}

impl Worker {
    /// A worker of the runtime that this is called in; its loop runs there until the last holder lets go.
    pub(crate) fn start() -> io::Result<Arc<Self>> {
        let bell = Arc::new(Notify::new());
        let worker = Arc::new(Self {
            inner: Mutex::new(Inner {
                poll: Poll::new()?,
                prompt_poll: Poll::new()?,
                events: Events::with_capacity(EVENTS),
                sockets: Slab::new(),
                scratch: Scratch {
                    cipher: vec![0; SCRATCH].into(),
                    plain: Vec::new(),
                    control: stamp::control(),
                },
                waiting: 0,
                prompt: 0,
                parked: 0,
                rung: false,
                is_dead: false,
            }),
            bell: bell.clone(),
            home: Handle::current().id(),
            epoch: instant(),
            millis: AtomicU32::new(0),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            shake: Shake::unknown(),
        });
        tokio::spawn(harvest::run(Arc::downgrade(&worker), bell));
        Ok(worker)
    }

    /// Whether its loop has ended with its runtime: nothing that waits here would ever be woken.
    pub(crate) fn is_dead(&self) -> bool {
        self.inner().is_dead
    }

    /// Whether this is called in its own runtime. Another one may be asleep while this one waits.
    pub(crate) fn is_here(&self) -> bool {
        Handle::current().id() == self.home
    }

    /// The kernel's time of day, which what is received is stamped with; a driver's may be another.
    #[expect(
        clippy::disallowed_methods,
        reason = "it is compared to the kernel's own stamps"
    )]
    pub(crate) fn wall() -> SystemTime {
        SystemTime::now()
    }

    /// Begins to connect. The link says when it is there.
    pub(crate) fn connect(self: &Arc<Self>, address: SocketAddr) -> io::Result<Link> {
        let mut stream = TcpStream::connect(address)?;
        let is_stamped = stamp::ask_for(&stream);
        let mut inner = self.inner();
        let entry = inner.sockets.vacant_entry();
        let key = entry.key();
        entry.insert(Socket::connecting(is_stamped));
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = inner
            .poll
            .registry()
            .register(&mut stream, Token(key), interest);
        if let Err(error) = registered {
            inner.sockets.remove(key);
            return Err(error);
        }
        inner.sockets[key].stream = Some(stream);
        drop(inner);
        Ok(Link::new(self.clone(), key))
    }

    /// Milliseconds since the worker began, a slot old at most while it has connections; for how long they lie idle.
    pub(crate) fn millis(&self) -> u32 {
        self.millis.load(Ordering::Relaxed)
    }

    /// The same to the millisecond, for connections that the loop does not see.
    pub(crate) fn millis_now(&self) -> u32 {
        self.tick(instant())
    }

    /// Moves that time.
    fn tick(&self, now: Instant) -> u32 {
        // It wraps after 49 days; differences are taken wrapping.
        let millis = now.duration_since(self.epoch).as_millis() as u32;
        self.millis.store(millis, Ordering::Relaxed);
        millis
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock can only come of a broken session, whose connection is given up with it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the loop that somebody waits.
    fn ring(&self, mut inner: MutexGuard<'_, Inner>) {
        let is_news = !std::mem::replace(&mut inner.rung, true);
        drop(inner);
        if is_news {
            self.bell.notify_one();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The loop sees that it is alone, and ends.
        self.bell.notify_one();
    }
}

/// Spans of milliseconds of [`Worker::millis`].
pub(crate) fn millis_of(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker's loop is a driver: it harvests sockets by the real clock"
)]
fn instant() -> Instant {
    Instant::now()
}
