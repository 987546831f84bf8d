namespace Pith.Building;

/// <summary>How the elements of a slot lie in memory.</summary>
internal enum Layout
{
    /// <summary>As ONNX says: the last axis varies fastest, no padding.</summary>
    RowMajor,

    /// <summary>
    /// Axis 1 (channels) varies fastest, then the spatial axes, then axis 0: NHWC for images. Only for values of which no axis but the first grows with the batch. Float elements have no padding between channels or pixels. 8-bit elements have each pixel's
    /// channels padded to <see cref="Slot.PixelBytes"/>, and int8 is stored with 128 added, so that every quantized activation is an unsigned byte.
    /// </summary>
    ChannelsLast,

    /// <summary>
    /// The last axis is the channels, as in <see cref="RowMajor"/>, stored like the pixels of <see cref="ChannelsLast"/>: padded and unsigned. Only 8-bit values of rank 3 and more have it: operands of matrix
    /// products, whose rows are the pixels.
    /// </summary>
    Tokens,
}

/// <summary>Where the memory of a slot comes from.</summary>
internal enum SlotKind
{
    /// <summary>Staging memory of the context that the caller writes; never reused.</summary>
    Input,

    /// <summary>Weights and other constants, owned by the engine.</summary>
    Constant,

    /// <summary>Computed by a layer, at an offset that the memory planner chose.</summary>
    Computed,
}

/// <summary>A value of the engine: what a layer reads or writes.</summary>
internal sealed class Slot
{
    /// <summary>Position in the engine's list; indexes the table of addresses.</summary>
    public int Index { get; set; } = -1;

    public required string Name { get; init; }
    public required SlotKind Kind { get; init; }
    public required DataType DataType { get; init; }
    public required BatchShape Shape { get; init; }
    public required Layout Layout { get; init; }

    /// <summary>The row-major elements of a constant.</summary>
    public Tensor? Constant { get; init; }

    /// <summary>What surrounds each image in memory; only slots of rank 4 in <see cref="Layout.ChannelsLast"/> have any. Set once, by <see cref="BorderPlanner"/>.</summary>
    public Border Border { get; set; }

    /// <summary>True for 8-bit elements whose channels lie next to each other: padded and unsigned.</summary>
    public bool IsQuantized => Layout != Layout.RowMajor && DataType.IsQuantized();

    /// <summary>The layout that a value has when <paramref name="wanted"/> is asked for: one for all ranks whose layouts do not differ, and for all values without pixels of a fixed size.</summary>
    public static Layout Canonical(Layout wanted, DataType type, BatchShape shape) =>
        !shape.IsFixedPerImage || shape.Rank < 2 ? Layout.RowMajor
        : shape.Rank == 2 ? (type.IsQuantized() && wanted != Layout.RowMajor ? Layout.ChannelsLast : Layout.RowMajor)
        : wanted == Layout.Tokens && !type.IsQuantized() ? Layout.RowMajor : wanted;

    /// <summary>Channels: axis 1, or 1 for scalars and vectors; the last axis of <see cref="Layout.Tokens"/>.</summary>
    public int Channels => Layout == Layout.Tokens ? Shape[-1].Fixed : Shape.Rank > 1 ? Shape[1].Fixed : 1;

    /// <summary>Bytes from one pixel to the next in <see cref="Layout.ChannelsLast"/>.</summary>
    public int PixelBytes => IsQuantized ? PaddedChannels(Channels) : Channels * DataType.SizeInBytes();

    /// <summary>Stored channels of a quantized activation: kernels read four at a time and write eight, and the three of an image are not worth eight.</summary>
    public static int PaddedChannels(int channels) => channels <= 4 ? 4 : (channels + 7) & ~7;

    /// <summary>Pixels over all images: the product of all sizes but the channels.</summary>
    public long Pixels(int batch) => Shape.Elements(batch) / Math.Max(1, Channels);

    /// <summary>Rows of an image; 1 for everything that is not an image.</summary>
    public int Height => Shape.Rank == 4 && Layout != Layout.Tokens ? Shape[2].Fixed : 1;

    /// <summary>Columns of an image; 1 for everything that is not an image.</summary>
    public int Width => Shape.Rank == 4 && Layout != Layout.Tokens ? Shape[3].Fixed : 1;

    /// <summary>Bytes from row to row of an image in <see cref="Layout.ChannelsLast"/>.</summary>
    public nint RowBytes => (nint)(Border.Left + Width + Border.Right) * PixelBytes;

    /// <summary>Bytes from image to image in <see cref="Layout.ChannelsLast"/>.</summary>
    public nint ImageBytes => (Border.Top + Height + Border.Bottom) * RowBytes;

    /// <summary>Bytes from the first pixel of the first image, where the slot's address is, to a pixel.</summary>
    public nint PixelOffset(nint image, nint row, nint column) => image * ImageBytes + row * RowBytes + column * PixelBytes;

    /// <summary>Bytes from index to index of an axis.</summary>
    public nint AxisBytes(int axis, int batch)
    {
        if (Layout == Layout.RowMajor) return Product(axis + 1, batch) * DataType.SizeInBytes();
        if (axis == 1) return DataType.SizeInBytes();
        if (Shape.Rank == 4) return axis switch { 0 => ImageBytes, 2 => RowBytes, _ => PixelBytes };
        // Channels are the innermost axis, whatever their place.
        return (axis == 0 ? Product(2, batch) : Product(axis + 1, batch)) * PixelBytes;
    }

    private nint Product(int firstAxis, int batch)
    {
        nint product = 1;
        for (var axis = firstAxis; axis < Shape.Rank; axis++) product *= Shape.Size(axis, batch);
        return product;
    }

    /// <summary>Bytes from the start of the slot's memory to its first pixel.</summary>
    public nint OriginBytes => Border.IsEmpty ? 0 : Border.Top * RowBytes + Border.Left * PixelBytes;

    /// <summary>Bytes in memory at this batch, the border included.</summary>
    public long Bytes(int batch) => !Border.IsEmpty ? Shape.Size(0, batch) * ImageBytes : IsQuantized ? Pixels(batch) * PixelBytes : Shape.Elements(batch) * DataType.SizeInBytes();

    /// <summary>The slot whose memory this one shows under another shape or layout of the same physical order; null for a slot with memory of its own.</summary>
    public Slot? View { get; init; }

    /// <summary>A computed slot of the same type with memory of its own, or that shows <paramref name="view"/>.</summary>
    public Slot Copy(Slot? view) => new() { Name = Name, Kind = Kind, DataType = DataType, Shape = Shape, Layout = Layout, View = view };

    /// <summary>The slot that has the memory.</summary>
    public Slot Owner => View?.Owner ?? this;

    /// <summary>Element type, shape and layout.</summary>
    public string TypeText => $"{DataType.ShortName()}{Shape}{Layout switch { Layout.ChannelsLast => "/nhwc", Layout.Tokens => "/tokens", _ => "" }}";

    public override string ToString() => $"%{Name}:{TypeText}";
}
