using System.IO.Compression;

namespace Pith.Compression.Tests.Data;

/// <summary>The small image files of this folder, and a scratch folder that goes away with the test.</summary>
internal static class TestFiles
{
    /// <summary>The bytes of a file in Data/Files.</summary>
    public static byte[] Read(string name)
    {
        using var stream = typeof(TestFiles).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"no test file {name}");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The same noise that the reference values were computed from with Pillow: the high bytes of a linear congruential generator.</summary>
    public static byte[] Noise(int count)
    {
        var bytes = new byte[count];
        var state = 1u;
        foreach (ref var b in bytes.AsSpan()) b = (byte)((state = state * 1664525 + 1013904223) >> 24);
        return bytes;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest)) gzip.Write(bytes);
        return memory.ToArray();
    }
}

/// <summary>A new empty folder under the system's temporary folder, deleted with everything in it on disposal.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("pith-data-").FullName;

    /// <summary>Writes a file (creating its folder) and returns its path.</summary>
    public string Write(string name, byte[] bytes)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
