//! The protocol of a framebuffer (`l4re/include/video/goos`): one buffer and one view of it, both fixed, as L4Re's moe has it.
//!
//! moe itself never touches the framebuffer. It asks sigma0 for the memory when the first client asks for the buffer;
//! that is how the kernel learns that the screen is somebody's, and stops drawing its own text on it.

use abi::l4re::goos::{Info, PixelInfo, ViewInfo, flags, op};
use abi::{Error as Code, PAGE_SIZE, Rights};
use console::Mode;
use syscall::l4re::sigma0::Sigma0;
use syscall::message::Writer;
use syscall::{Cap, Gate, Result};

use super::Words;
use super::request::Request;
use crate::machine::fetch;

/// A framebuffer with its buffer's dataspace.
pub struct Goos {
    mode: Mode,
    buffer: Cap<Gate>,
    is_fetched: bool,
}

/// Where the memory of a framebuffer begins and ends, in whole pages.
pub fn pages(mode: &Mode) -> core::ops::Range<u64> {
    let page = PAGE_SIZE as u64;
    mode.address & !(page - 1)..(mode.address + mode.size()).next_multiple_of(page)
}

impl Goos {
    /// The framebuffer of `mode`, whose [`pages`] are the dataspace behind `buffer`.
    pub fn new(mode: Mode, buffer: Cap<Gate>) -> Goos {
        Goos { mode, buffer, is_fetched: false }
    }

    /// Carries out a request.
    pub fn serve(&mut self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        match request.opcode()? {
            op::INFO => put_info(&self.info(), output),
            op::GET_STATIC_BUFFER => {
                only(request.reader.get()?)?;
                self.fetch()?;
                output.item(self.buffer.item(Rights::CAP_RW));
            }
            op::VIEW_INFO => {
                only(request.reader.get()?)?;
                put_view(&self.view(), output);
            }
            // What is written into the buffer is on the screen.
            op::VIEW_REFRESH => only(request.reader.get()?)?,
            op::REFRESH => {}
            _ => return Err(Code::NoSys.into()),
        }
        Ok(0)
    }

    /// Has sigma0 map the memory here, so that it can be mapped on.
    fn fetch(&mut self) -> Result {
        if !self.is_fetched {
            fetch(pages(&self.mode), |block| Sigma0::boot().device_memory(block, false))?;
            self.is_fetched = true;
        }
        Ok(())
    }

    fn info(&self) -> Info {
        Info {
            width: self.mode.width.into(),
            height: self.mode.height.into(),
            flags: flags::AUTO_REFRESH,
            num_static_views: 1,
            num_static_buffers: 1,
            pixel_info: self.mode.pixels,
        }
    }

    fn view(&self) -> ViewInfo {
        ViewInfo {
            width: self.mode.width.into(),
            height: self.mode.height.into(),
            buffer_offset: self.mode.address - pages(&self.mode).start,
            bytes_per_line: self.mode.pitch.into(),
            pixel_info: self.mode.pixels,
            ..ViewInfo::default()
        }
    }
}

/// There is one view and one buffer.
fn only(index: u32) -> Result {
    if index == 0 { Ok(()) } else { Err(Code::Range.into()) }
}

fn put_info(info: &Info, output: &mut Writer<&mut Words>) {
    output.put(info.width);
    output.put(info.height);
    output.put(info.flags);
    output.put(info.num_static_views);
    output.put(info.num_static_buffers);
    put_pixels(info.pixel_info, output);
}

fn put_view(view: &ViewInfo, output: &mut Writer<&mut Words>) {
    output.put(view.flags);
    output.put(view.view_index);
    for value in [view.x, view.y, view.width, view.height, view.buffer_offset, view.bytes_per_line] {
        output.put(value);
    }
    put_pixels(view.pixel_info, output);
    output.put(view.buffer_index);
}

fn put_pixels(pixels: PixelInfo, output: &mut Writer<&mut Words>) {
    pixels.to_bytes().into_iter().for_each(|byte| output.put(byte));
}
