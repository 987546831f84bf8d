using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;
using Sharp = SixLabors.ImageSharp;

namespace Pith.Compression.Data;

/// <summary>
/// Runs a decoder of SixLabors.ImageSharp on a file whose size has been checked. The library returns an incomplete image when a file ends early; here that is an error. Whatever it throws becomes
/// a message that names the file.
/// </summary>
internal static class ImageSharpDecoder
{
    // A buffer of one byte: every read reaches the strict stream below, which checks that it gets all the bytes it asks for.
    private static readonly Sharp.Configuration s_configuration = new()
    {
        StreamProcessingBufferSize = 1,
        MaxDegreeOfParallelism = 1,
        MemoryAllocator = Sharp.Memory.MemoryAllocator.Create(new Sharp.Memory.MemoryAllocatorOptions { MaximumPoolSizeMegabytes = 64, AllocationLimitMegabytes = 2048 }),
    };

    /// <summary>The size that the file's header gives.</summary>
    /// <exception cref="PithException">The header is damaged or cut short.</exception>
    public static (int Width, int Height) Size(byte[] file, IImageInfoDetector decoder, string sourceName) => Guarded(sourceName, () =>
    {
        using var stream = new StrictStream(file);
        var info = decoder.Identify(s_configuration, stream, CancellationToken.None) ?? throw new InvalidDataException("its header cannot be read.");
        return (info.Width, info.Height);
    });

    /// <summary>Decodes 8-bit samples to R, G, B.</summary>
    /// <exception cref="PithException">The file is damaged, cut short, or of a kind that the library does not read.</exception>
    public static Image Decode(byte[] file, IImageDecoder decoder, string sourceName) => Guarded(sourceName, () =>
    {
        using var stream = new StrictStream(file);
        using var decoded = decoder.Decode<Rgb24>(s_configuration, stream, CancellationToken.None);
        var rgb = new byte[decoded.Width * decoded.Height * 3];
        decoded.CopyPixelDataTo(rgb);
        return new Image(decoded.Width, decoded.Height, 3, rgb);
    });

    /// <summary>Decodes 16-bit samples and keeps the high byte of each; the library would round.</summary>
    /// <exception cref="PithException">As in <see cref="Decode"/>.</exception>
    public static Image DecodeHighBytes(byte[] file, IImageDecoder decoder, string sourceName) => Guarded(sourceName, () =>
    {
        using var stream = new StrictStream(file);
        using var decoded = decoder.Decode<Rgba64>(s_configuration, stream, CancellationToken.None);
        var rgb = new byte[decoded.Width * decoded.Height * 3];
        decoded.ProcessPixelRows(rows =>
        {
            for (var y = 0; y < rows.Height; y++)
            {
                var at = y * rows.Width * 3;
                foreach (var pixel in rows.GetRowSpan(y))
                {
                    (rgb[at], rgb[at + 1], rgb[at + 2]) = ((byte)(pixel.R >> 8), (byte)(pixel.G >> 8), (byte)(pixel.B >> 8));
                    at += 3;
                }
            }
        });
        return new Image(decoded.Width, decoded.Height, 3, rgb);
    });

    /// <summary>Any exception means that the file is at fault: the library can throw anything on damaged data.</summary>
    private static T Guarded<T>(string sourceName, Func<T> decode)
    {
        try
        {
            return decode();
        }
        catch (Exception e) when (e is Sharp.UnknownImageFormatException or NotSupportedException)
        {
            throw new PithException($"Image '{sourceName}' is of a kind that is not supported: {Message(e)} Convert it to PNG.", e);
        }
        catch (Exception e)
        {
            throw new PithException($"Image '{sourceName}' cannot be decoded: {Message(e)} The file is damaged or cut short; fetch or export it again.", e);
        }
    }

    private static string Message(Exception e) => e is ArgumentException or NullReferenceException or IndexOutOfRangeException or InvalidCastException ? "its structure makes no sense." : e.Message;

    /// <summary>A file in memory that throws when a read gets less than it asks for.</summary>
    private sealed class StrictStream(byte[] file) : MemoryStream(file, writable: false)
    {
        public override int Read(byte[] buffer, int offset, int count) => Whole(base.Read(buffer, offset, count), count);

        public override int Read(Span<byte> buffer) => Whole(base.Read(buffer), buffer.Length);

        private static int Whole(int got, int wanted) => got == wanted ? got : throw new EndOfStreamException($"its data ends {wanted - got} bytes early.");
    }
}
