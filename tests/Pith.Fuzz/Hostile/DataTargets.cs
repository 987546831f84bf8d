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

    // torch.save({'w': torch.tensor([1., 2.])}, FILE, _use_new_zipfile_serialization=False)
    private static readonly byte[] s_legacy =
    [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.', 0x80, 2, (byte)'M', 0xE9, 3, (byte)'.', 0x80, 2, .. "}q\0X\r\0\0\0little_endianq\u0001"u8, 0x88, .. "s."u8,
        0x80, 2, .. "}q\0X\u0001\0\0\0wq\u0001ctorch._utils\n_rebuild_tensor_v2\nq\u0002((X\u0007\0\0\0storageq\u0003ctorch\nFloatStorage\nq\u0004X\u0001\0\0\00q\u0005X\u0003\0\0\0cpuq\u0006K\u0002Ntq\u0007QK\0K\u0002"u8, 0x85, .. "K\u0001"u8, 0x85, 0x89,
        .. "ccollections\nOrderedDict\n)RtRs."u8, 0x80, 2, .. "]q\0X\u0001\0\0\00q\u0001a."u8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64,
    ];

    public static IReadOnlyList<HostileTarget> All { get; } =
    [
        new("image", HostileTarget.OneOf(s_images), bytes => _ = ImageDecoder.Decode(bytes, "image")),
        new("image of another format", HostileTarget.OneOf(s_encoded), bytes => _ = ImageDecoder.Decode(bytes, "image")),
        new("array", HostileTarget.OneOf(s_arrays), bytes => _ = Compression.Data.Npy.Read(new MemoryStream(bytes), "array")),
        HostileTarget.OfFile("archive of arrays", ".npz", _ => Archive(CompressionLevel.Fastest), ReadArchive),
        HostileTarget.OfFile("stored archive of arrays", ".npz", _ => Archive(CompressionLevel.NoCompression), ReadArchive),
        HostileTarget.OfFile("safetensors", ".safetensors", _ => Weights(".safetensors"), ReadWeights),
        HostileTarget.OfFile("PyTorch state dict", ".pth", _ => Weights(".pth"), ReadWeights),
        HostileTarget.OfFile("weights as an archive of arrays", ".npz", _ => Weights(".npz"), ReadWeights),
        HostileTarget.OfFile("pickle before PyTorch 1.6", ".pt", _ => s_legacy, ReadWeights),
        HostileTarget.OfFile("ImageNet's archive of archives", ".tar", _ => ImageArchive(), path => ReadImages("imagenet:" + path)),
        HostileTarget.OfFile("TFRecord", ".tfrecord", _ => TfRecord(), path => ReadImages("tfrecord:" + path)),
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

    private static byte[] Weights(string ending)
    {
        var path = Path.Combine(Path.GetTempPath(), $"pith-fuzz-valid-{Environment.ProcessId}{ending}");
        Compression.Weights.WeightFile.Write(path, [new("conv.weight", Tensor.Create(new Shape(2, 3), new float[] { 1, 2, 3, 4, 5, 6 })), new("bn.bias", Tensor.Create(new Shape(2), new[] { (Half)1, (Half)2 })), new("steps", Tensor.Scalar(7L))]);
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    private static void ReadWeights(string path)
    {
        using var file = Compression.Weights.WeightFile.Open(path);
        foreach (var tensor in file.Tensors) _ = file.Read(tensor);
    }

    private static byte[] ImageArchive()
    {
        static byte[] Tar(params (string Name, byte[] Content)[] files)
        {
            using var stream = new MemoryStream();
            using (var tar = new System.Formats.Tar.TarWriter(stream, leaveOpen: true))
                foreach (var (name, content) in files) tar.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
            return stream.ToArray();
        }
        return Tar(("n01440764.tar", Tar(("n01440764_1.JPEG", s_encoded[0]), ("n01440764_2.JPEG", s_encoded[4]))));
    }

    // One tf.train.Example with its checksums: a label before an image.
    private static byte[] TfRecord()
    {
        static byte[] Varint(int value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];
        static byte[] Field(int number, byte[] content) => [(byte)(number << 3 | 2), .. Varint(content.Length), .. content];
        static byte[] Feature(string name, int list, byte[] values) => Field(1, [.. Field(1, System.Text.Encoding.ASCII.GetBytes(name)), .. Field(2, Field(list, Field(1, values)))]);
        byte[] content = Field(1, [.. Feature("image/class/label", 3, [0]), .. Feature("image/encoded", 1, s_encoded[4])]), length = BitConverter.GetBytes((long)content.Length);
        return [.. length, .. BitConverter.GetBytes(TfRecordFile.MaskedCrc(length)), .. content, .. BitConverter.GetBytes(TfRecordFile.MaskedCrc(content))];
    }

    private static void ReadImages(string spec)
    {
        var data = DatasetCatalog.Open(spec);
        for (var i = 0; i < Math.Min(data.Count, 4); i++) _ = data.Load(i);
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
