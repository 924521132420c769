//! Three bytes that tell a recipient's devices apart in a receipt's token, where each byte counts.

use ring::digest::{SHA256, digest};

/// The first bytes of the hash of a device's id. Two of a recipient's 20 devices share a mark once in 88,000 recipients; both
/// then count as heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMark([u8; Self::BYTES]);

impl DeviceMark {
    /// The length of a mark.
    pub const BYTES: usize = 3;

    /// The mark of a device's id.
    #[must_use]
    pub fn of(device_id: &str) -> Self {
        let mut mark = [0; Self::BYTES];
        mark.copy_from_slice(&digest(&SHA256, device_id.as_bytes()).as_ref()[..Self::BYTES]);
        Self(mark)
    }

    /// A mark that was written down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to write down.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}
