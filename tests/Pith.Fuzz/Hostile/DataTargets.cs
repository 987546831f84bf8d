using System.IO.Compression;
using Pith.Compression.Data;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;

namespace Pith.Fuzz.Hostile;

/// <summary>Images and arrays.</summary>
internal static class DataTargets
{
    private static readonly byte[][] s_images = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Images")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    private static readonly byte[][] s_encoded =
    [
        Encoded(new SixLabors.ImageSharp.Formats.Bmp.BmpEncoder()), Encoded(new SixLabors.ImageSharp.Formats.Gif.GifEncoder()), Encoded(new SixLabors.ImageSharp.Formats.Tiff.TiffEncoder()),
        Encoded(new SixLabors.ImageSharp.Formats.Webp.WebpEncoder()), Encoded(new SixLabors.ImageSharp.Formats.Png.PngEncoder()),
        Encoded(new SixLabors.ImageSharp.Formats.Webp.WebpEncoder { FileFormat = SixLabors.ImageSharp.Formats.Webp.WebpFileFormatType.Lossless }),
        Encoded(new SixLabors.ImageSharp.Formats.Tiff.TiffEncoder { Compression = SixLabors.ImageSharp.Formats.Tiff.Constants.TiffCompression.Lzw }),
        Encoded(new SixLabors.ImageSharp.Formats.Tiff.TiffEncoder { Compression = SixLabors.ImageSharp.Formats.Tiff.Constants.TiffCompression.Deflate }),
    ];

    private static readonly byte[][] s_arrays =
    [
        Npy(Tensor.Create(new Shape(2, 3), new float[] { 1, 2, 3, 4, 5, 6 })), Npy(Tensor.Create(new Shape(4), new byte[] { 1, 2, 3, 4 })), Npy(Tensor.Create(new Shape(1, 2, 1), new long[] { 7, -7 })), Npy(Tensor.Scalar(1.5)),
    ];

    public static IReadOnlyList<HostileTarget> All { get; } =
    [
        new("image", HostileTarget.OneOf(s_images), bytes => _ = ImageDecoder.Decode(bytes, "image")),
        new("image of another format", HostileTarget.OneOf(s_encoded), bytes => _ = ImageDecoder.Decode(bytes, "image")),
        new("array", HostileTarget.OneOf(s_arrays), bytes => _ = Compression.Data.Npy.Read(new MemoryStream(bytes), "array")),
        HostileTarget.OfFile("archive of arrays", ".npz", _ => Archive(CompressionLevel.Fastest), ReadArchive),
        HostileTarget.OfFile("stored archive of arrays", ".npz", _ => Archive(CompressionLevel.NoCompression), ReadArchive),
        HostileTarget.OfFile("archive as data", ".npz", _ => Archive(CompressionLevel.NoCompression), ReadDataset),
    ];

    private static byte[] Encoded(IImageEncoder encoder)
    {
        using var image = new SixLabors.ImageSharp.Image<Rgb24>(19, 11);
        for (var y = 0; y < image.Height; y++)
            for (var x = 0; x < image.Width; x++) image[x, y] = new Rgb24((byte)(13 * x), (byte)(23 * y), (byte)(x * y));
        using var stream = new MemoryStream();
        image.Save(stream, encoder);
        return stream.ToArray();
    }

    private static byte[] Npy(Tensor tensor)
    {
        using var stream = new MemoryStream();
        Compression.Data.Npy.Write(stream, tensor);
        return stream.ToArray();
    }

    private static byte[] Archive(CompressionLevel level)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, tensor) in new (string, Tensor)[] { ("images.npy", Tensor.Create(new Shape(2, 3, 3, 3), new byte[54])), ("labels.npy", Tensor.Create(new Shape(2), new long[] { 0, 1 })) })
            {
                using var entry = archive.CreateEntry(name, level).Open();
                entry.Write(Npy(tensor));
            }
        return stream.ToArray();
    }

    private static void ReadArchive(string path)
    {
        foreach (var name in Npz.Names(path)) _ = Npz.Read(path, name);
    }

    private static void ReadDataset(string path)
    {
        var data = DatasetCatalog.Open("npz:" + path);
        for (var i = 0; i < Math.Min(data.Count, 4); i++) _ = data.Load(i);
    }
}
