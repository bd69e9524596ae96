//! Length-prefixed frames.

use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The size of a frame's header: its length, big-endian.
pub(crate) const HEADER: usize = 4;

/// How much larger than the received data a buffer may be. A header must not reserve the length that it announces.
const GROWTH: usize = 64 * 1024;

/// The maximum size of a received frame, in bytes. Clones share it, so that it can be raised once the session is open.
#[derive(Clone, Debug)]
pub(crate) struct FrameLimit(Arc<AtomicUsize>);

impl FrameLimit {
    pub(crate) fn new(bytes: usize) -> Self {
        FrameLimit(Arc::new(AtomicUsize::new(bytes)))
    }

    pub(crate) fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes the next complete frame out of `buffer`, without its header; `None` if it has not arrived completely.
pub(crate) fn take_frame(buffer: &mut BytesMut, limit: &FrameLimit) -> io::Result<Option<Bytes>> {
    let Some(header) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
    let length = u32::from_be_bytes(*header) as usize;
    let limit = limit.get();
    if length > limit {
        let message = format!("a frame of {length} bytes is over the limit of {limit} bytes; send less at once");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let missing = (HEADER + length).saturating_sub(buffer.len());
    if missing > 0 {
        // One byte more, since a read that fills the buffer has to be followed by another one.
        buffer.reserve(missing.min(GROWTH) + 1);
        return Ok(None);
    }
    buffer.advance(HEADER);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Returns the header of a frame of `length` bytes.
///
/// # Errors
/// If it has 4 GiB or more.
pub(crate) fn header(length: usize) -> io::Result<[u8; HEADER]> {
    let length = u32::try_from(length).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, "a frame of 4 GiB or more cannot be sent; send less at once")
    })?;
    Ok(length.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;

    #[test]
    fn frames_may_arrive_in_any_pieces() {
        let mut whole = BytesMut::new();
        whole.put_slice(&header(5).expect("fits"));
        whole.put_slice(b"first");
        whole.put_slice(&header(0).expect("fits"));
        for cut in 0..whole.len() {
            let limit = FrameLimit::new(5);
            let mut buffer = BytesMut::from(&whole[..cut]);
            let mut frames = Vec::new();
            while let Some(frame) = take_frame(&mut buffer, &limit).expect("valid") {
                frames.push(frame);
            }
            buffer.put_slice(&whole[cut..]);
            while let Some(frame) = take_frame(&mut buffer, &limit).expect("valid") {
                frames.push(frame);
            }
            assert_eq!(frames, [&b"first"[..], b""], "cut at {cut}");
        }
    }

    #[test]
    fn a_header_does_not_reserve_the_announced_length() {
        let limit = FrameLimit::new(1 << 30);
        let mut buffer = BytesMut::from(&(1u32 << 30).to_be_bytes()[..]);
        assert!(take_frame(&mut buffer, &limit).expect("within the limit").is_none());
        assert!(buffer.capacity() <= 2 * GROWTH, "{}", buffer.capacity());
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_when_its_header_arrives() {
        let limit = FrameLimit::new(4);
        let mut buffer = BytesMut::from(&5u32.to_be_bytes()[..]);
        let error = take_frame(&mut buffer, &limit).expect_err("too large");
        assert!(error.to_string().contains("5 bytes is over the limit of 4 bytes"), "{error}");
    }
}
