//! Checks moe's framebuffer as its clients see it, by L4Re's wire format; in the end four colours are on the screen, one in each
//! corner, which the test looks at from outside.
#![no_std]
#![no_main]

use harness::program::{Check, expect};
use syscall::abi::l4re::PROTO_GOOS;
use syscall::abi::l4re::goos::{flags as goos_flags, op};
use syscall::framebuffer::Framebuffer;
use syscall::ipc::Message;
use syscall::l4re::dataspace::flags;
use syscall::l4re::{dataspace::Dataspace, goos::Goos, rm};
use syscall::memory::Mapping;
use syscall::{Cap, Code, Error, Owned, Result, env};

syscall::main!(main);

const CHECKS: &[Check] = &[
    ("size and coding of pixels", described),
    ("there is one view and one buffer", indices),
    ("what is fixed stays", fixed),
    ("structures have L4Re's sizes", sizes),
    ("the buffer is a device's memory", device),
    ("two mappings show the same", shared),
    ("a colour in each corner", corners),
];

fn main() -> Result<i32> {
    harness::program::run("screen", &[CHECKS])
}

fn goos() -> Result<Cap<Goos>> {
    env::cap("vesa")
}

fn described() -> Result {
    let (info, view) = (goos()?.info()?, goos()?.view(0)?);
    expect(info.flags == goos_flags::AUTO_REFRESH && (info.num_static_views, info.num_static_buffers) == (1, 1))?;
    expect((view.flags, view.view_index, view.buffer_index, view.x, view.y) == (0, 0, 0, 0, 0))?;
    expect((view.width, view.height, view.pixel_info) == (info.width, info.height, info.pixel_info))?;
    let pixels = info.pixel_info;
    expect(view.bytes_per_line >= view.width * u64::from(pixels.bytes_per_pixel) && view.height >= 480)?;
    expect(
        pixels.red.size > 0 && pixels.encode(255, 255, 255) == pixels.encode(255, 0, 0) | pixels.encode(0, 255, 255),
    )?;
    goos()?.refresh(0, 0, 10, 10)?;
    goos()?.refresh_view(0, 0, 0, 10, 10)
}

fn refused<T>(result: Result<T>, code: Code) -> Result {
    expect(matches!(result, Err(Error::Code(got)) if got == code))
}

fn indices() -> Result {
    refused(goos()?.view(1), Code::Range)?;
    refused(goos()?.static_buffer(u32::MAX), Code::Range)?;
    refused(goos()?.refresh_view(1, 0, 0, 1, 1), Code::Range)
}

fn fixed() -> Result {
    let operations = [
        op::CREATE_BUFFER,
        op::CREATE_VIEW,
        op::DELETE_BUFFER,
        op::DELETE_VIEW,
        op::SET_VIEW_INFO,
        op::VIEW_STACK,
        op::REFRESH + 1,
    ];
    for operation in operations {
        refused(Message::new(PROTO_GOOS).with(operation).with(0_u64).call(goos()?.index()), Code::NoSys)?;
    }
    refused(Message::new(PROTO_GOOS).call(goos()?.index()), Code::MsgTooShort)
}

fn sizes() -> Result {
    let words = |operation: i32| -> Result<usize> {
        Ok(Message::new(PROTO_GOOS).with(operation).with(0_u32).call(goos()?.index())?.tag().words())
    };
    expect(words(op::INFO)? == 5 && words(op::VIEW_INFO)? == 9)
}

fn buffer() -> Result<Owned<Dataspace>> {
    goos()?.static_buffer(0)
}

fn device() -> Result {
    let (view, buffer) = (goos()?.view(0)?, buffer()?);
    let stats = buffer.info()?;
    expect(stats.size >= view.buffer_offset + view.bytes_per_line * view.height)?;
    expect(stats.flags == flags::RW | flags::BUFFERABLE)?;
    let memory = env::mem_alloc().allocate(4096)?;
    refused(buffer.clear(0, 4096), Code::Access)?;
    refused(buffer.copy_in(0, memory.cap(), 0, 4096), Code::Inval)?;
    refused(memory.copy_in(0, buffer.cap(), 0, 4096), Code::Inval)?;
    refused(buffer.map(stats.size, flags::R, 0, 12, None), Code::Range)?;
    buffer.allocate(0, stats.size)?;
    // moe still serves.
    goos()?.info().map(drop)
}

fn shared() -> Result {
    let mut one = Mapping::attach_owned(buffer()?, 4096, rm::flags::RW)?;
    let other = Mapping::attach_owned(buffer()?, 4096, rm::flags::R)?;
    for value in [0x5a, 0xa5] {
        one.write(100, &[value; 8]);
        let mut seen = [0; 8];
        other.read(100, &mut seen);
        expect(seen == [value; 8])?;
    }
    Ok(())
}

fn corners() -> Result {
    let mut screen = Framebuffer::open("vesa")?;
    let (width, height) = screen.size();
    let colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)];
    for (index, (red, green, blue)) in colours.into_iter().enumerate() {
        let (x, y) = (index % 2 * (width / 2), index / 2 * (height / 2));
        let pixel = screen.colour(red, green, blue);
        screen.fill(x..x + width / 2, y..y + height / 2, pixel);
    }
    // Beyond the edges there is nothing to draw on.
    let black = screen.colour(0, 0, 0);
    screen.set(width, 0, black);
    screen.fill(width..usize::MAX, height..usize::MAX, black);
    screen.set(width / 2, height / 2, black);
    screen.refresh()
}
