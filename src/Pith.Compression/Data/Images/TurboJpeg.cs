using System.Reflection;
using System.Runtime.InteropServices;

namespace Pith.Compression.Data;

/// <summary>How decoding went.</summary>
/// <param name="Error">Why there is no image; null when there is one.</param>
/// <param name="Warning">Damage that leaves a usable image, the first that was found; null when there was none.</param>
internal readonly record struct TurboJpegResult(string? Error, string? Warning);

/// <summary>
/// The few functions of the TurboJPEG C API that decoding needs. The library is loaded at the first call. Every argument is blittable
/// and buffers are passed by reference to their first byte, so that no unsafe code is needed here.
/// </summary>
internal static class TurboJpeg
{
    private const string Library = "turbojpeg";

    // From turbojpeg.h. Accurate DCT and (by absence of the fast flag) smooth upsampling are what Pillow decodes with.
    private const int AccurateDct = 4096, LimitScans = 32768;
    private const int WarningCode = 0;

    /// <summary>Byte order of a decoded pixel (TJPF).</summary>
    public enum PixelFormat
    {
        /// <summary>R, G, B.</summary>
        Rgb = 0,

        /// <summary>C, M, Y, K as stored in the file.</summary>
        Cmyk = 11,
    }

    static TurboJpeg() => NativeLibrary.SetDllImportResolver(typeof(TurboJpeg).Assembly, Resolve);

    /// <summary>Decodes a whole image into <paramref name="pixels"/>, rows without padding.</summary>
    /// <exception cref="PithException">The library is not installed.</exception>
    public static TurboJpegResult Decompress(ReadOnlySpan<byte> jpeg, Span<byte> pixels, int width, int height, PixelFormat format)
    {
        var decompressor = Create();
        try
        {
            var pitch = pixels.Length / height; // bytes a row
            var result = tjDecompress2(decompressor, ref MemoryMarshal.GetReference(jpeg), new CULong((uint)jpeg.Length),
                ref MemoryMarshal.GetReference(pixels), width, pitch, height, (int)format, AccurateDct | LimitScans);
            if (result == 0) return default;
            var message = Marshal.PtrToStringUTF8(tjGetErrorStr2(decompressor));
            // A warning (such as stray bytes between segments) leaves a usable image, as it does in every browser.
            return tjGetErrorCode(decompressor) == WarningCode ? new(null, message) : new(message, null);
        }
        finally
        {
            _ = tjDestroy(decompressor);
        }
    }

    private static nint Create()
    {
        nint decompressor;
        try
        {
            decompressor = tjInitDecompress();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new PithException("JPEG files need the TurboJPEG library, which was not found. Install it with: sudo apt-get install libturbojpeg0 (macOS: brew install jpeg-turbo).", e);
        }
        return decompressor != 0 ? decompressor : throw new PithException("TurboJPEG could not create a decoder: out of memory.");
    }

    /// <summary>Distributions install only the versioned name with the runtime package, so that the plain name does not resolve by itself.</summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library) return 0;
        foreach (var candidate in (ReadOnlySpan<string>)["libturbojpeg.so.0", "libturbojpeg.0.dylib", "turbojpeg.dll"])
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var handle)) return handle;
        return 0;
    }

    [DllImport(Library)]
    private static extern nint tjInitDecompress();

    [DllImport(Library)]
    private static extern int tjDecompress2(nint handle, ref byte jpeg, CULong jpegBytes, ref byte pixels, int width, int pitch, int height, int pixelFormat, int flags);

    [DllImport(Library)]
    private static extern int tjGetErrorCode(nint handle);

    [DllImport(Library)]
    private static extern nint tjGetErrorStr2(nint handle);

    [DllImport(Library)]
    private static extern int tjDestroy(nint handle);
}
