"""Small files of microscopes' formats.

CZI is written by ZEISS's own library, SVS and QPTIFF by tifffile. Of the others no program writes files without a
microscope: they are laid out here, byte by byte, as the formats are described.
"""

import struct
from xml.sax.saxutils import quoteattr

import numpy as np
import tifffile

_SHORT, _LONG, _RATIONAL, _BYTE = 3, 4, 5, 1


def write_czi(path, scenes, names, side):
    """Scenes {number: (array (C, Z, H, W), (x, y))}, and names of channels; a pixel is `side` metres wide and high."""
    from pylibCZIrw import czi

    with czi.create_czi(str(path)) as file:
        for number, (array, place) in scenes.items():
            for channel, slices in enumerate(array):
                for z, image in enumerate(slices):
                    file.write(image, plane={"C": channel, "Z": z, "T": 0}, scene=number, location=place)
        file.write_metadata(channel_names=dict(enumerate(names)), scale_x=side, scale_y=side)


def write_nd2(path, array, names, side, probe="dye"):
    """Positions, slices, rows, columns and channels (P, Z, H, W, C) of 16 bits, as NIS-Elements 3 wrote them."""
    probe = f'<pFluorescentProbe><m_sName runtype="CLxStringW" value="{probe}"/></pFluorescentProbe>' if probe else ""
    positions, slices, height, width, count = array.shape
    points = "".join(f"<i{number:010}><dPosX {_double(number)}/></i{number:010}>" for number in range(positions))
    inner = f"<uLoopPars><uiCount {_number(slices)}/><dZStep {_double(1)}/></uLoopPars>"
    loops = f"<eType {_number(2)}/><uLoopPars><Points>{points}</Points></uLoopPars>"
    loops += f"<ppNextLevelEx><i0><eType {_number(4)}/>{inner}</i0></ppNextLevelEx>"
    planes = "".join(
        f'<a{n}><sDescription runtype="CLxStringW" value={quoteattr(name)}/><uiCompCount {_number(1)}/>{probe}</a{n}>'
        for n, name in enumerate(names)
    )
    planes = f"<sPicturePlanes><uiCount {_number(count)}/><sPlaneNew>{planes}</sPlaneNew></sPicturePlanes>"
    sizes = {"uiBpcInMemory": 16, "uiBpcSignificant": 16, "uiComp": count, "uiHeight": height, "uiWidth": width}
    sizes |= {"uiSequenceCount": positions * slices, "uiWidthBytes": width * count * 2, "eCompression": 2}
    attributes = "".join(f"<{name} {_number(value)}/>" for name, value in sizes.items())
    calibration = f'<bCalibrated runtype="bool" value="true"/><dCalibration {_double(side)}/>'
    chunks = {
        "ImageAttributes!": _variant(attributes),
        "ImageMetadataSeq|0!": _variant(calibration + planes),
        "ImageMetadata!": _variant(loops),
    }
    frames = array.reshape(-1, height, width, count).astype("<u2")
    chunks |= {f"ImageDataSeq|{number}!": bytes(8) + frame.tobytes() for number, frame in enumerate(frames)}
    magic, marks = 0x0ABECEDA, []
    with open(path, "wb") as file:
        file.write(struct.pack("<IIQ32s64s", magic, 32, 64, b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver2.1"))
        for name, content in chunks.items():
            marks.append((name.encode(), file.tell(), len(content)))
            file.write(struct.pack("<IIQ4072s", magic, 4072, len(content), name.encode()) + content)
        place = file.tell()
        table = b"".join(name + struct.pack("<QQ", start, size) for name, start, size in marks)
        end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", place)
        name = b"ND2 FILEMAP SIGNATURE NAME 0001!"
        file.write(struct.pack("<IIQ", magic, len(name), len(table + end)) + name + table + end)


def write_lif(path, images, side):
    """Images {name: array (C, Z, H, W)} of 8 bits, each with the colours of its channels; `side` in metres."""
    elements, blocks = [], []
    for number, (name, (array, colours)) in enumerate(images.items()):
        channels, slices, height, width = array.shape
        steps = [(1, width, 1, side * (width - 1)), (2, height, width, side * (height - 1))]
        steps += [(3, slices, width * height, 1e-6 * (slices - 1))]
        volume = slices * height * width
        dimensions = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{length}" Origin="0" Length="{extent}" Unit="m" '
            f'BytesInc="{step}" BitInc="0"/>'
            for axis, length, step, extent in steps
        )
        described = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" '
            f'Max="255" Unit="" LUTName="{colour}" IsLUTInverted="0" BytesInc="{at * volume}" BitInc="0"/>'
            for at, colour in enumerate(colours)
        )
        elements.append(
            f'<Element Name="{name}"><Data><Image><ImageDescription><Channels>{described}</Channels><Dimensions>'
            f"{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{array.size}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        blocks.append((f"MemBlock_{number}", array.astype(np.uint8).tobytes()))
    xml = f'<LMSDataContainerHeader Version="2"><Element Name="experiment"><Children>{"".join(elements)}</Children>'
    xml += "</Element></LMSDataContainerHeader>"
    with open(path, "wb") as file:
        file.write(struct.pack("<IIBI", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)) + xml.encode("utf-16-le"))
        for name, content in blocks:
            head = struct.pack("<IIBQBI", 0x70, 2 * len(name) + 14, 0x2A, len(content), 0x2A, len(name))
            file.write(head + name.encode("utf-16-le") + content)


def write_svs(path, image, micrometres):
    """A slide of Aperio: a tiled colour image (H, W, 3), a thumbnail, a smaller level and a label."""
    text = f"Aperio Image Library v11.2.1 |AppMag = 20|MPP = {micrometres}"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "metadata": None, "description": text}
        file.write(image, tile=(32, 32), compression="zlib", **options)
        file.write(image[::8, ::8].copy(), **options)
        file.write(image[::4, ::4].copy(), tile=(16, 16), compression="zlib", **options)
        file.write(image[:20, :20].copy(), subfiletype=1, **options)


def write_qptiff(path, image, names, micrometres):
    """A slide of PerkinElmer: tiled channels (C, H, W) with their names, a thumbnail, a smaller level."""
    options = {"software": "PerkinElmer-QPI", "metadata": None, "photometric": "minisblack"}
    options |= {"resolution": (1e4 / micrometres,) * 2, "resolutionunit": "CENTIMETER"}
    text = "<PerkinElmer-QPI-ImageDescription><Name>{}</Name></PerkinElmer-QPI-ImageDescription>"
    with tifffile.TiffWriter(path) as file:
        for name, channel in zip(names, image, strict=True):
            file.write(channel, tile=(32, 32), compression="zlib", description=text.format(name), **options)
        file.write(np.zeros((8, 8, 3), np.uint8), **{**options, "photometric": "rgb"})
        for name, channel in zip(names, image, strict=True):
            file.write(channel[::2, ::2].copy(), tile=(16, 16), description=text.format(name), **options)


def write_lsm(path, array, names, metres):
    """A stack (Z, C, H, W) of 16 bits; each slice is followed by a thumbnail."""
    slices, channels, height, width = array.shape
    info = np.zeros((), [(name or "reserved", kind) for name, kind in tifffile.TIFF.CZ_LSMINFO])
    fields = {"MagicNumber": 67127628, "StructureSize": info.nbytes, "DimensionX": width, "DimensionY": height}
    fields |= {"DimensionZ": slices, "DimensionChannels": channels, "DimensionTime": 1, "DataType": 2}
    fields |= {"VoxelSizeX": metres, "VoxelSizeY": metres, "VoxelSizeZ": 1e-6, "ScanType": 0}
    for name, value in fields.items():
        info[name] = value
    labels = b"".join(struct.pack("<I", len(name) + 1) + name.encode() + b"\0" for name in names)
    colours = struct.pack("<6I", 24 + 4 * channels + len(labels), channels, channels, 24, 24 + 4 * channels, 0)
    content = bytearray(b"II*\0\0\0\0\0")
    info["OffsetChannelColors"] = len(content)
    content += colours + bytes(4 * channels) + labels
    pages = []
    for number, planes in enumerate(array.astype("<u2")):
        places = [len(content) + at * planes[0].nbytes for at in range(channels)]
        content += planes.tobytes()
        tags = {254: (_LONG, [0]), 256: (_LONG, [width]), 257: (_LONG, [height]), 258: (_SHORT, [16] * channels)}
        tags |= {259: (_SHORT, [1]), 262: (_SHORT, [1]), 273: (_LONG, places), 277: (_SHORT, [channels])}
        tags |= {278: (_LONG, [height]), 279: (_LONG, [planes[0].nbytes] * channels), 284: (_SHORT, [2])}
        pages.append(tags | ({34412: (_BYTE, list(info.tobytes()))} if number == 0 else {}))
        small = {256: (_LONG, [4]), 257: (_LONG, [4]), 258: (_SHORT, [8] * 3), 259: (_SHORT, [1]), 262: (_SHORT, [2])}
        small |= {273: (_LONG, [len(content)]), 277: (_SHORT, [3]), 278: (_LONG, [4]), 279: (_LONG, [48])}
        pages.append({254: (_LONG, [1])} | small)
        content += bytes(48)
    path.write_bytes(_with_pages(content, pages))


def write_stk(path, array, micrometres):
    """A stack (Z, H, W) of 16 bits: one page, and tags that say how many planes follow each other."""
    slices, height, width = array.shape
    content = bytearray(b"II*\0\0\0\0\0")
    place = len(content)
    content += array.astype("<u2").tobytes()
    fraction = len(content)
    content += struct.pack("<II", round(micrometres * 1000), 1000)
    unit = len(content)
    content += struct.pack("<I3s", 3, b"um\0") + b"\0"
    said = [3, 1, 4, fraction, 5, fraction, 6, unit]
    planes = [number for z in range(slices) for number in (z + 1, 1, 2459000, 1000, 2459000, 1000)]
    tags = {254: (_LONG, [0]), 256: (_LONG, [width]), 257: (_LONG, [height]), 258: (_SHORT, [16]), 259: (_SHORT, [1])}
    tags |= {262: (_SHORT, [1]), 273: (_LONG, [place]), 277: (_SHORT, [1]), 278: (_LONG, [height])}
    tags |= {279: (_LONG, [height * width * 2])}
    # Their counts are of pairs, and of planes.
    tags |= {33628: (_LONG, said, len(said) // 2), 33629: (_RATIONAL, planes, slices)}
    path.write_bytes(_with_pages(content, [tags]))


def _with_pages(content, pages):
    """A TIFF of what stands before the directories and of these, {tag: (type, values[, count])}."""
    kinds = {_BYTE: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "I"}
    where = 4
    for tags in pages:
        entries = []
        for code, (kind, values, *count) in sorted(tags.items()):
            packed = struct.pack(f"<{len(values)}{kinds[kind]}", *values)
            if len(packed) > 4:
                content += bytes(len(content) % 2)
                packed, place = struct.pack("<I", len(content)), packed
                content += place
            entries.append(struct.pack("<HHI4s", code, kind, count[0] if count else len(values), packed))
        content += bytes(len(content) % 2)
        struct.pack_into("<I", content, where, len(content))
        content += struct.pack("<H", len(entries)) + b"".join(entries)
        where = len(content)
        content += bytes(4)
    return bytes(content)


def _number(value):
    return f'runtype="lx_uint32" value="{value}"'


def _double(value):
    return f'runtype="double" value="{value}"'


def _variant(text):
    return f'<variant version="1.0"><no_name runtype="CLxListVariant">{text}</no_name></variant>'.encode()
