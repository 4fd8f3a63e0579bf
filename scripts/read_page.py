#!/usr/bin/python3
"""Prints what a control page holds, as JSON lines: its trace points, the records in its rings that nobody has
collected yet, and the cells in which threads add up. Reads and changes nothing. The layout is in the manual, "The
control page"."""

import json
import mmap
import struct
import sys

SPAN, POINT, AGGREGATE = 1, 2, 3
CELL_BYTES = 448


class Page:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.bytes[:8] != b"PYTHIAPG" or self.number("I", 8) != 2:
            raise SystemExit(f"{path}: not a control page of version 2")
        names = ("slots_at nslots counters_at ncounters types_at ntypes processes_at nprocesses settings_at nsettings "
                 "index_at nindex strings_at strings_bytes rings_at nrings ring_stride ring_bytes cells_at ncells").split()
        for i, name in enumerate(names):
            setattr(self, name, self.number("I", 24 + 4 * i))

    def number(self, form, at):
        return struct.unpack_from("=" + form, self.bytes, at)[0]

    def text(self, ref):
        at = self.strings_at + ref
        return self.bytes[at + 2:at + 2 + self.number("H", at)].decode("utf-8", "replace") if ref else None

    def slots(self):
        for i in range(self.nslots):
            mask, named, name, _, flags = struct.unpack_from("=QQIII", self.bytes, self.slots_at + 64 * i)
            if name:
                hits, filtered, dropped, size = struct.unpack_from("=QQQQ", self.bytes, self.counters_at + 64 * i)
                yield {"tracepoint": self.text(name), "mask": f"{mask:016x}", "always_on": flags & 1,
                       "hits": hits + filtered, "filtered": filtered, "dropped": dropped, "bytes": size}

    def records(self):
        for i in range(self.nrings):
            ring = self.rings_at + i * self.ring_stride
            head, tail = self.number("Q", ring + 8), self.number("Q", ring + 64)
            if head == tail:
                continue
            data = self.bytes[ring + self.ring_stride - self.ring_bytes:ring + self.ring_stride] * 2
            while tail < head:
                at = tail % self.ring_bytes
                words, kind, values, slot = struct.unpack_from("=HBBI", data, at)
                if kind == AGGREGATE:
                    yield self.cell(data[at + 64:at + 64 + CELL_BYTES], "aggregate")
                else:
                    yield self.record(data[at:at + 8 * words], kind, values, slot)
                tail += 8 * words

    def cells(self):
        for i in range(self.nrings):
            ring = self.rings_at + i * self.ring_stride
            for j in range(self.ncells if self.number("Q", ring + 24) else 0):
                at = ring + self.cells_at + CELL_BYTES * j
                if self.number("Q", at + 8):
                    yield self.cell(self.bytes[at:at + CELL_BYTES], "cell")

    def cell(self, data, name):
        serial, _, _, slot, _, rule, start, window, n, missing, shift, total, squares, low, high, _, last = (
            struct.unpack_from("=QQIIQQQQQQdddddQQ", data, 8))
        aggregate, kind_of_request, form, length = struct.unpack_from("=BBBB", data, 136)
        key = {0: lambda: None, 1: lambda: struct.unpack_from("=q", data, 144)[0],
               2: lambda: struct.unpack_from("=d", data, 144)[0],
               4: lambda: data[144:144 + length].decode("utf-8", "replace")}[form]()
        return {"record": name, "tracepoint": self.text(self.number("I", self.slots_at + 64 * slot + 16)),
                "request_type": self.text(self.number("I", self.types_at + 64 * kind_of_request)), "serial": serial,
                "rule_id": rule & 0xffffffffffff, "aggregate": aggregate, "key": key, "window_start_ns": start,
                "window_ns": window, "n": n, "missing": missing, "sum": shift * n + total, "min": low, "max": high,
                "last_ns": last, "histogram": list(struct.unpack_from("=64I", data, 192))}

    def record(self, data, kind, values, slot):
        process, kind_of_request, status, _, start, high, low, span, parent, duration = struct.unpack_from(
            "=HBBIQQQQQQ", data, 8)
        row = {"record": "span" if kind == SPAN else "point",
               "tracepoint": self.text(self.number("I", self.slots_at + 64 * slot + 16)),
               "pid": self.number("I", self.processes_at + 64 * process),
               "request_type": self.text(self.number("I", self.types_at + 64 * kind_of_request)),
               "trace": f"{high:016x}{low:016x}", "span": f"{span:016x}", "parent": f"{parent:016x}",
               "time_ns": start, "duration_ns": duration, "status": status, "values": {}}
        at = 64
        for _ in range(values):
            key, form, length = struct.unpack_from("=IBB", data, at)
            if form == 4:
                value = data[at + 8:at + 8 + length].decode("utf-8", "replace")
            else:
                value = struct.unpack_from("=d" if form == 2 else "=q", data, at + 8)[0]
            row["values"][self.text(key)] = value
            at += 8 + (-(-length // 8) * 8 if form == 4 else 8)
        return row


if __name__ == "__main__":
    page = Page(sys.argv[1])
    for row in [*page.slots(), *page.records(), *page.cells()]:
        print(json.dumps(row))
