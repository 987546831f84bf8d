using System.Diagnostics;
using System.IO.Compression;

namespace Pith.Cli.Tests;

/// <summary>Damaged files through the whole program: a clear error or a result, never an exception, a hang or a part of a file. The same seed, the same damage.</summary>
public sealed class HostileInputTests
{
    private const int Mutations = 60;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);

    [Fact]
    public void Damaged_onnx_files_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        var valid = folder.File("valid.onnx");
        PithCommand.Run("models", "cifar-resnet8", "--width", "4", "-o", valid).Ends(0);
        Survives(folder, File.ReadAllBytes(valid), "net.onnx", (file, output) => ["prune", file, "-o", output]);
        Survives(folder, File.ReadAllBytes(valid), "net.onnx", (file, _) => ["info", file]);
        Survives(folder, File.ReadAllBytes(valid), "net.onnx", (file, _) => ["eval", file, "--data", "procedural:count=4"], mutations: 20);
    }

    [Fact]
    public void Damaged_plans_are_refused()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("build", "cifar-resnet8", "-o", folder.File("valid.plan"), "--no-timing").Ends(0);
        var valid = File.ReadAllBytes(folder.File("valid.plan"));
        var damaged = Enumerable.Range(0, 20).Select(seed => Mutate(valid, seed)).Where(content => !content.AsSpan().SequenceEqual(valid));
        foreach (var content in damaged.Concat([[], [0], [.. "PITH"u8], new byte[100_000], [.. valid, 0]]))
        {
            File.WriteAllBytes(folder.File("net.plan"), content);
            PithCommand.Run("info", folder.File("net.plan")).Refuses(1);
            PithCommand.Run("eval", folder.File("net.plan"), "--data", "procedural:count=4").Refuses(1);
        }
        PithCommand.Run("bench", folder.File("net.plan"), "--duration", "0.01").Refuses(1);
        PithCommand.Run("compare", "cifar-resnet8", folder.File("net.plan")).Refuses(1);
    }

    [Fact]
    public void Damaged_timing_caches_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("build", "cifar-resnet8", "-o", folder.File("net.plan"), "--timing-cache", folder.File("valid.json")).Ends(0);
        File.Delete(folder.File("net.plan"));
        Survives(folder, File.ReadAllBytes(folder.File("valid.json")), "timings.json", (file, output) => ["build", "cifar-resnet8", "--no-timing", "--timing-cache", file, "-o", output], mutations: 20, made: "made.plan");
        foreach (var content in (string[])["", "null", "{}", "[1]", """{ "format": "pith-timing-cache-1", "seconds": { "a": -1 } }""", """{ "format": "pith-timing-cache-1", "seconds": { "a": 1e999 } }"""])
        {
            File.WriteAllText(folder.File("hostile.json"), content);
            PithCommand.Run("bench", "cifar-resnet8", "--duration", "0", "--timing-cache", folder.File("hostile.json")).Refuses(1);
            Assert.Equal(content, File.ReadAllText(folder.File("hostile.json")));
        }
    }

    [Fact]
    public void Damaged_calibration_caches_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("quantize", "cifar-resnet8", "-o", folder.File("int8.onnx"), "--data", "procedural:count=8", "--samples", "8", "--write-cache", folder.File("valid.cache")).Ends(0);
        Survives(folder, File.ReadAllBytes(folder.File("valid.cache")), "net.cache", (file, output) => ["quantize", "cifar-resnet8", "--cache", file, "-o", output]);
    }

    [Fact]
    public void Damaged_recipes_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        var valid = """
            { "name": "r", "model": { "builder": "cifar-resnet8", "width": 4 }, "data": { "train": "procedural:seed=1,count=8", "test": "procedural:seed=2,count=8" },
              "benchmark": { "batches": [1], "seconds": 0.01, "warm_up_seconds": 0, "min_runs": 1 },
              "steps": [ { "step": "prune", "name": "sparse", "rule": "pattern" }, { "step": "quantize", "name": "int8", "samples": 8 } ] }
            """u8.ToArray();
        for (var seed = 0; seed < Mutations; seed++)
        {
            File.WriteAllBytes(folder.File("r.json"), Mutate(valid, seed));
            // What still is a recipe may run and leave its folder; what is none must not.
            Check(seed, ["run", folder.File("r.json"), "-o", folder.File("out")]);
        }
    }

    [Fact]
    public void Damaged_settings_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        Survives(folder, """{ "rule": "asp", "include": ["a*", "/b+/"], "exclude_op_types": ["Gemm"] }"""u8.ToArray(), "settings.json", (file, output) => ["prune", "cifar-resnet8", "--settings", file, "-o", output]);
    }

    [Fact]
    public void Damaged_archives_are_refused_or_understood()
    {
        using var folder = new TemporaryFolder();
        Survives(folder, Npz(), "data.npz", (file, _) => ["eval", "cifar-resnet8", "--data", "npz:" + file]);
    }

    [Theory]
    [InlineData("rgb8.png")]
    [InlineData("palette4_interlaced.png")]
    [InlineData("baseline420.jpg")]
    [InlineData("progressive.jpg")]
    public void Damaged_images_are_refused_or_understood(string image)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("images/n0"));
        // Which of the network's ten classes it is: without that no image is read.
        File.WriteAllText(folder.File("classes.txt"), "3 n0");
        var valid = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Images", image));
        Survives(folder, valid, "images/n0/" + image, (_, _) => ["eval", "cifar-resnet8", "--data", "imagefolder:" + folder.File("images"), "--preprocess", "cifar10"], mutations: 25);
    }

    [Fact]
    public void Truncated_cifar_batches_are_refused()
    {
        using var folder = new TemporaryFolder();
        const int Record = 1 + 3 * 32 * 32;
        foreach (var length in (int[])[0, 1, Record - 1, Record + 1, 2 * Record - 7])
        {
            File.WriteAllBytes(folder.File("test_batch.bin"), new byte[length]);
            PithCommand.Run("eval", "cifar-resnet8", "--data", "cifar10:" + folder.File("test_batch.bin")).Refuses(1);
        }
        File.WriteAllBytes(folder.File("test_batch.bin.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
        PithCommand.Run("eval", "cifar-resnet8", "--data", "cifar10:" + folder.File("test_batch.bin.gz")).Refuses(1);
    }

    /// <summary>Damages <paramref name="valid"/> in many ways and runs a command on it; a refused command may leave nothing beside what was there.</summary>
    private static void Survives(TemporaryFolder folder, byte[] valid, string name, Func<string, string, string[]> command, int mutations = Mutations, string made = "made.onnx")
    {
        var output = folder.File(made);
        File.WriteAllBytes(folder.File(name), valid);
        var before = folder.Files;
        for (var seed = 0; seed < mutations; seed++)
        {
            File.WriteAllBytes(folder.File(name), Mutate(valid, seed));
            var exitCode = Check(seed, command(folder.File(name), output));
            if (exitCode == Program.Done) File.Delete(output);
            Assert.Equal(before, folder.Files);
        }
    }

    private static int Check(int seed, string[] arguments)
    {
        var clock = Stopwatch.StartNew();
        var result = PithCommand.Run(arguments);
        var repro = $"mutation seed {seed}: pith {string.Join(' ', arguments)}\n{result.Error}";
        Assert.True(result.ExitCode is Program.Done or Program.Failed, $"exit code {result.ExitCode}, {repro}");
        Assert.True(result.ExitCode == Program.Done || result.Output.Length == 0 && result.Error.Contains("pith: ", StringComparison.Ordinal), $"no clear refusal, {repro}");
        Assert.False(result.Error.Contains("bug in Pith", StringComparison.Ordinal), repro);
        Assert.True(clock.Elapsed < s_longest, $"{clock.Elapsed}, {repro}");
        return result.ExitCode;
    }

    /// <summary>Changes, removes, repeats a few places or cuts the end off.</summary>
    private static byte[] Mutate(byte[] valid, int seed)
    {
        var random = new Random(seed);
        if (seed % 4 == 0) return valid[..random.Next(valid.Length)];
        var bytes = valid.ToList();
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            // Half of the damage in the first part, where headers are.
            var at = random.Next(random.Next(2) == 0 ? Math.Min(bytes.Count, 256) : bytes.Count);
            var length = Math.Min(random.Next(1, 9), bytes.Count - at - 1);
            switch (random.Next(4))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, length); break;
                default: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
            }
        }
        return [.. bytes];
    }

    /// <summary>An archive with four black images of 32 x 32 and their labels.</summary>
    private static byte[] Npz()
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Write(archive, "images.npy", "|u1", "(4, 32, 32, 3)", new byte[4 * 32 * 32 * 3]);
            Write(archive, "labels.npy", "|u1", "(4,)", [0, 1, 2, 3]);
        }
        return stream.ToArray();

        static void Write(ZipArchive archive, string name, string type, string shape, byte[] content)
        {
            const int HeaderLength = 118; // with the 10 bytes before it a multiple of 64
            var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(HeaderLength - 1) + "\n";
            using var entry = archive.CreateEntry(name).Open();
            entry.Write([0x93, .. "NUMPY"u8, 1, 0, HeaderLength, 0]);
            entry.Write(System.Text.Encoding.ASCII.GetBytes(header));
            entry.Write(content);
        }
    }
}
