// SPDX-License-Identifier: LGPL-2.1-or-later

//! explain.rs ADDRESS:PORT: a server in Rust that says why it did not get its address. Without a crate:
//!
//!     rustc explain.rs -l addrinuse

use std::ffi::{CStr, CString};
use std::net::{SocketAddr, TcpListener};
use std::os::raw::{c_char, c_int, c_void};
use std::{env, io, process, ptr};

#[link(name = "addrinuse")]
extern "C" {
    fn aiu_query_new(context: *mut c_void, ret_query: *mut *mut c_void) -> c_int;
    fn aiu_query_unref(query: *mut c_void) -> *mut c_void;
    fn aiu_query_set_address_text(query: *mut c_void, text: *const c_char) -> c_int;
    fn aiu_query_set_reuseaddr(query: *mut c_void, on: c_int) -> c_int;
    fn aiu_query_set_error(query: *mut c_void, error: c_int) -> c_int;
    fn aiu_query_run(query: *mut c_void, ret_report: *mut *mut c_void) -> c_int;
    fn aiu_report_unref(report: *mut c_void) -> *mut c_void;
    fn aiu_report_to_text(report: *const c_void, flags: u32, ret_text: *mut *mut c_char) -> c_int;
    fn free(memory: *mut c_void);
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(())
}

struct Query(*mut c_void);

impl Drop for Query {
    fn drop(&mut self) {
        unsafe { aiu_query_unref(self.0) };
    }
}

struct Report(*mut c_void);

impl Drop for Report {
    fn drop(&mut self) {
        unsafe { aiu_report_unref(self.0) };
    }
}

impl Query {
    fn new() -> io::Result<Query> {
        let mut query = ptr::null_mut();
        check(unsafe { aiu_query_new(ptr::null_mut(), &mut query) })?;
        Ok(Query(query))
    }

    fn run(&self) -> io::Result<Report> {
        let mut report = ptr::null_mut();
        check(unsafe { aiu_query_run(self.0, &mut report) })?;
        Ok(Report(report))
    }
}

impl Report {
    fn text(&self) -> io::Result<String> {
        let mut text = ptr::null_mut();
        check(unsafe { aiu_report_to_text(self.0, 0, &mut text) })?;
        let copy = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
        unsafe { free(text as *mut c_void) };
        Ok(copy)
    }
}

/// Why did TcpListener::bind(address) fail with this error? The standard library sets SO_REUSEADDR.
fn explain(address: SocketAddr, error: &io::Error) -> io::Result<String> {
    let query = Query::new()?;
    let text = CString::new(address.to_string())?;
    unsafe {
        check(aiu_query_set_address_text(query.0, text.as_ptr()))?;
        check(aiu_query_set_reuseaddr(query.0, 1))?;
        check(aiu_query_set_error(query.0, error.raw_os_error().unwrap_or(0)))?;
    }
    query.run()?.text()
}

fn main() -> io::Result<()> {
    let address: SocketAddr = env::args().nth(1).and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidInput)?;
    let listener = TcpListener::bind(address).unwrap_or_else(|error| {
        eprintln!("{error}\n{}", explain(address, &error).unwrap_or_default());
        process::exit(1);
    });
    println!("ready");
    for connection in listener.incoming() {
        drop(connection?);
    }
    Ok(())
}
