using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pith.Building;

namespace Pith.Runtime;

/// <summary>Moves elements between a slot's physical memory and row-major tensors: plain loops, for reference layers, observers and the caller's data.</summary>
internal static unsafe class SlotTensors
{
    /// <summary>All elements of a float slot in physical order; empty for other types.</summary>
    public static ReadOnlySpan<float> Floats(Slot slot, RunState state) =>
        slot.DataType == DataType.Float32 ? new ReadOnlySpan<float>(state.Address(slot), checked((int)slot.Shape.Elements(state.Batch))) : [];

    /// <summary>A row-major copy of the slot at the run's batch.</summary>
    public static Tensor Read(Slot slot, RunState state)
    {
        if (slot.Constant is { } constant) return constant;
        var tensor = Tensor.Zeros(slot.DataType, slot.Shape.At(state.Batch));
        fixed (byte* rowMajor = tensor.Bytes) ToRowMajor(slot, state.Batch, state.Address(slot), rowMajor);
        return tensor;
    }

    /// <summary>Copies a float slot in row-major order.</summary>
    public static void Read(Slot slot, RunState state, Span<float> rowMajor)
    {
        if (slot.DataType != DataType.Float32 || rowMajor.Length != slot.Shape.Elements(state.Batch)) throw new ArgumentException($"Slot {slot} at batch {state.Batch} cannot be copied to {rowMajor.Length} floats.", nameof(rowMajor));
        fixed (float* target = rowMajor) ToRowMajor(slot, state.Batch, state.Address(slot), (byte*)target);
    }

    /// <summary>Stores a row-major tensor in the slot's layout.</summary>
    public static void Write(Slot slot, RunState state, Tensor tensor)
    {
        if (tensor.DataType != slot.DataType || tensor.Length != slot.Shape.Elements(state.Batch)) throw new InvalidOperationException($"Slot {slot} at batch {state.Batch} cannot hold {tensor}.");
        fixed (byte* rowMajor = tensor.Bytes) FromRowMajor(slot, state.Batch, rowMajor, state.Address(slot));
    }

    /// <summary>Copies physical memory to row-major memory.</summary>
    public static void ToRowMajor(Slot slot, int batch, byte* physical, byte* rowMajor)
    {
        var elements = slot.Shape.Elements(batch);
        if (slot.Layout == Layout.RowMajor || slot.Shape.Rank < 2) Buffer.MemoryCopy(physical, rowMajor, elements * slot.DataType.SizeInBytes(), elements * slot.DataType.SizeInBytes());
        else switch (slot.DataType.SizeInBytes())
        {
            case 1: ChannelsFirst(slot, batch, physical, rowMajor); break;
            case 2: ChannelsFirst(slot, batch, (ushort*)physical, (ushort*)rowMajor); break;
            case 4: ChannelsFirst(slot, batch, (uint*)physical, (uint*)rowMajor); break;
            default: ChannelsFirst(slot, batch, (ulong*)physical, (ulong*)rowMajor); break;
        }
        if (slot.IsQuantized && slot.DataType == DataType.Int8) FlipSigns(rowMajor, elements);
    }

    /// <summary>Copies row-major memory to physical memory; the padding of quantized pixels becomes 0.</summary>
    public static void FromRowMajor(Slot slot, int batch, byte* rowMajor, byte* physical)
    {
        var elements = slot.Shape.Elements(batch);
        if (slot.Layout == Layout.RowMajor || slot.Shape.Rank < 2)
        {
            Buffer.MemoryCopy(rowMajor, physical, elements * slot.DataType.SizeInBytes(), elements * slot.DataType.SizeInBytes());
            return;
        }
        switch (slot.DataType.SizeInBytes())
        {
            case 1: QuantizedChannelsLast(slot, batch, rowMajor, physical); break;
            case 2: ChannelsLast(slot, batch, (ushort*)rowMajor, (ushort*)physical); break;
            case 4: ChannelsLast(slot, batch, (uint*)rowMajor, (uint*)physical); break;
            default: ChannelsLast(slot, batch, (ulong*)rowMajor, (ulong*)physical); break;
        }
    }

    // Pixel p of image n in physical memory; only images of rank 4 have rows that are apart.
    private static long PixelOffset(Slot slot, long n, long p, long pixels) =>
        slot.Border.IsEmpty ? (n * pixels + p) * slot.PixelBytes : slot.PixelOffset((nint)n, (nint)(p / slot.Width), (nint)(p % slot.Width));

    private static void FlipSigns(byte* bytes, long count)
    {
        for (long i = 0; i < count; i++) bytes[i] ^= 0x80;
    }

    // Tokens are images of one pixel.
    private static (long Images, long Pixels, int Channels) Extents(Slot slot, int batch) => slot.Layout == Layout.Tokens ? (slot.Pixels(batch), 1, slot.Channels) :
        (slot.Shape.Size(0, batch), slot.Pixels(batch) / Math.Max(1, slot.Shape.Size(0, batch)), slot.Channels);

    // So many pixels at once that a channel of them fills a cache line of the row-major side; the other side is read or written along its channels.
    private static int PixelsAtOnce<T>() where T : unmanaged => 64 / sizeof(T);

    private static void ChannelsFirst<T>(Slot slot, int batch, T* physical, T* rowMajor) where T : unmanaged
    {
        var (images, pixels, channels) = Extents(slot, batch);
        var places = stackalloc T*[PixelsAtOnce<T>()];
        for (long n = 0; n < images; n++)
            for (long p = 0; p < pixels; p += PixelsAtOnce<T>())
            {
                var count = Locate(slot, n, p, pixels, physical, places);
                for (long c = 0; c < channels; c++)
                {
                    var row = rowMajor + (n * channels + c) * pixels + p;
                    for (var i = 0; i < count; i++) row[i] = places[i][c];
                }
            }
    }

    private static void ChannelsLast<T>(Slot slot, int batch, T* rowMajor, T* physical) where T : unmanaged
    {
        var (images, pixels, channels) = Extents(slot, batch);
        var places = stackalloc T*[PixelsAtOnce<T>()];
        for (long n = 0; n < images; n++)
            for (long p = 0; p < pixels; p += PixelsAtOnce<T>())
            {
                var count = Locate(slot, n, p, pixels, physical, places);
                for (long c = 0; c < channels; c++)
                {
                    var row = rowMajor + (n * channels + c) * pixels + p;
                    for (var i = 0; i < count; i++) places[i][c] = row[i];
                }
            }
    }

    /// <summary>The addresses of the next pixels of an image; returns their number.</summary>
    private static int Locate<T>(Slot slot, long n, long p, long pixels, T* physical, T** places) where T : unmanaged
    {
        var count = (int)Math.Min(PixelsAtOnce<T>(), pixels - p);
        for (var i = 0; i < count; i++) places[i] = (T*)((byte*)physical + PixelOffset(slot, n, p + i, pixels));
        return count;
    }

    private static void QuantizedChannelsLast(Slot slot, int batch, byte* rowMajor, byte* physical)
    {
        ChannelsLast(slot, batch, rowMajor, physical);
        if (!slot.IsQuantized) return;
        var (images, pixels, channels) = Extents(slot, batch);
        var flip = slot.DataType == DataType.Int8 ? (byte)0x80 : (byte)0;
        for (long n = 0; n < images; n++)
            for (long p = 0; p < pixels; p++)
            {
                var pixel = physical + PixelOffset(slot, n, p, pixels);
                for (var c = 0; c < channels; c++) pixel[c] ^= flip;
                for (var c = channels; c < slot.PixelBytes; c++) pixel[c] = 0;
            }
    }
}
