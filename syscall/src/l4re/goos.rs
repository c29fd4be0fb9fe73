//! Framebuffers. [`crate::framebuffer`] is what most programs want in place of these operations.

use abi::l4re::{
    PROTO_GOOS,
    goos::{Info, PixelInfo, ViewInfo, op},
};

use super::dataspace::Dataspace;
use crate::{Cap, Kobject, Owned, Result, ipc::Message, ipc::Reply};

/// A framebuffer.
pub struct Goos;

impl Kobject for Goos {
    const PROTOCOL: i64 = PROTO_GOOS;
    const NAME: &'static str = "framebuffer";
}

impl Cap<Goos> {
    /// Size, coding of pixels, and what there is of views and buffers.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn info(self) -> Result<Info> {
        let mut reply = Message::new(PROTO_GOOS).with(op::INFO).call(self.index())?;
        Ok(Info {
            width: reply.get()?,
            height: reply.get()?,
            flags: reply.get()?,
            num_static_views: reply.get()?,
            num_static_buffers: reply.get()?,
            pixel_info: pixels(&mut reply)?,
        })
    }

    /// What view `index` shows, and where.
    ///
    /// # Errors
    /// Those of the IPC; `Range` where there is no such view.
    pub fn view(self, index: u32) -> Result<ViewInfo> {
        let mut reply = Message::new(PROTO_GOOS).with(op::VIEW_INFO).with(index).call(self.index())?;
        Ok(ViewInfo {
            flags: reply.get()?,
            view_index: reply.get()?,
            x: reply.get()?,
            y: reply.get()?,
            width: reply.get()?,
            height: reply.get()?,
            buffer_offset: reply.get()?,
            bytes_per_line: reply.get()?,
            pixel_info: pixels(&mut reply)?,
            buffer_index: reply.get()?,
        })
    }

    /// Static buffer `index`.
    ///
    /// # Errors
    /// Those of the IPC; `Range` where there is no such buffer.
    pub fn static_buffer(self, index: u32) -> Result<Owned<Dataspace>> {
        let buffer = Owned::<Dataspace>::empty()?;
        Message::new(PROTO_GOOS)
            .with(op::GET_STATIC_BUFFER)
            .with(index)
            .receive_cap(buffer.index())
            .call(self.index())?;
        Ok(buffer)
    }

    /// Makes what was drawn in a part of view `index` visible, where that does not happen by itself.
    ///
    /// # Errors
    /// Those of the IPC; `Range` where there is no such view.
    pub fn refresh_view(self, index: u32, x: i32, y: i32, width: i32, height: i32) -> Result {
        let message = Message::new(PROTO_GOOS).with(op::VIEW_REFRESH).with(index);
        message.with(x).with(y).with(width).with(height).call(self.index()).map(drop)
    }

    /// The same for a part of the screen.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn refresh(self, x: i32, y: i32, width: i32, height: i32) -> Result {
        let message = Message::new(PROTO_GOOS).with(op::REFRESH);
        message.with(x).with(y).with(width).with(height).call(self.index()).map(drop)
    }
}

fn pixels(reply: &mut Reply) -> Result<PixelInfo> {
    let mut bytes = [0; 9];
    for byte in &mut bytes {
        *byte = reply.get()?;
    }
    Ok(PixelInfo::from_bytes(bytes))
}
