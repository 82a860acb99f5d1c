// SPDX-License-Identifier: LGPL-2.1-or-later

// explain.go ADDRESS:PORT: a server in Go that says why it did not get its address. By cgo:
//
//	go build explain.go
package main

// #cgo pkg-config: libaddrinuse
// #include <stdlib.h>
// #include <addrinuse.h>
import "C"

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// ask describes the socket that net.Listen makes: Go sets SO_REUSEADDR on each.
func ask(query *C.struct_aiu_query, addr *net.TCPAddr, call C.enum_aiu_call, errno syscall.Errno) C.int {
	var host *C.char
	if addr.IP != nil {
		text := addr.IP.String()
		if addr.Zone != "" {
			text += "%" + addr.Zone
		}
		host = C.CString(text)
		defer C.free(unsafe.Pointer(host))
	}
	result := C.aiu_query_set_address_string(query, host, C.uint16_t(addr.Port))
	if result >= 0 {
		result = C.aiu_query_set_reuseaddr(query, 1)
	}
	if result >= 0 {
		result = C.aiu_query_set_call(query, call)
	}
	if result >= 0 {
		result = C.aiu_query_set_error(query, C.int(errno))
	}
	return result
}

// callOf is the call that failed, if the error says so.
func callOf(err error) C.enum_aiu_call {
	var call *os.SyscallError
	switch {
	case errors.As(err, &call) && call.Syscall == "bind":
		return C.AIU_CALL_BIND
	case errors.As(err, &call) && call.Syscall == "listen":
		return C.AIU_CALL_LISTEN
	}
	return C.AIU_CALL_UNKNOWN
}

// Explain says why net.Listen("tcp", ...) failed; "" if that is not an error of bind() or listen(). A goroutine that
// calls it blocks one thread, for 250 ms at most.
func Explain(err error) string {
	var op *net.OpError
	var errno syscall.Errno
	if !errors.As(err, &op) || !errors.As(err, &errno) || op.Op != "listen" {
		return ""
	}
	addr, ok := op.Addr.(*net.TCPAddr)
	if !ok {
		return ""
	}
	var query *C.struct_aiu_query
	if C.aiu_query_new(nil, &query) < 0 {
		return ""
	}
	defer C.aiu_query_unref(query)

	var report *C.struct_aiu_report
	if ask(query, addr, callOf(err), errno) < 0 || C.aiu_query_run(query, &report) < 0 {
		return ""
	}
	defer C.aiu_report_unref(report)

	var text *C.char
	if C.aiu_report_to_text(report, 0, &text) < 0 {
		return ""
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, Explain(err))
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		conn.Close()
	}
}
