using Pith.Compression.Data;

namespace Pith.Compression.Tests.Training;

/// <summary>What an interrupted run must find unchanged to go on.</summary>
public sealed class ResumeKeyTests : IDisposable
{
    private const string Train = "procedural:seed=1,count=64";

    private readonly TemporaryFolder _folder = new();
    private readonly FineTuneStep _step = new(Toy.Settings with { Validation = ValidationMode.KeepBest, Teacher = "t.onnx" });

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_key_depends_on_everything_that_the_result_does()
    {
        var context = new StepContext { Stage = "s", FindModel = _ => Toy.Network(seed: 2) };
        var key = context.WithKeyOf(_step, Toy.Network(), Train, "procedural:seed=2,count=32").Key;
        Assert.Equal(key, context.WithKeyOf(_step, Toy.Network(), Train, "procedural:seed=2,count=32").Key);

        // The weights, wherever the file keeps them; those of the teacher, whose name stays; the validation set.
        Assert.NotEqual(key, context.WithKeyOf(_step, Toy.Network(seed: 3), Train, "procedural:seed=2,count=32").Key);
        Assert.NotEqual(key, (context with { FindModel = _ => Toy.Network(seed: 3) }).WithKeyOf(_step, Toy.Network(), Train, "procedural:seed=2,count=32").Key);
        Assert.NotEqual(key, context.WithKeyOf(_step, Toy.Network(), Train, "procedural:seed=3,count=32").Key);
        Assert.NotEqual(key, context.WithKeyOf(_step, Toy.Network(), Train + "?every=2", "procedural:seed=2,count=32").Key);
        Assert.NotEqual(key, (context with { Preprocess = Preprocessing.ImageNet }).WithKeyOf(_step, Toy.Network(), Train, "procedural:seed=2,count=32").Key);
        Assert.NotEqual(key, context.WithKeyOf(_step with { Training = _step.Training with { Seed = 2 } }, Toy.Network(), Train, "procedural:seed=2,count=32").Key);
        var preprocessed = Toy.Network();
        preprocessed.Metadata[Preprocessing.MetadataKey] = Preprocessing.Raw.ToJson();
        Assert.NotEqual(key, context.WithKeyOf(_step, preprocessed, Train, "procedural:seed=2,count=32").Key);
    }

    [Fact]
    public void Weights_in_a_file_of_their_own_are_part_of_the_model()
    {
        string Key(Graph weights)
        {
            var model = OnnxModel.ToBytes(weights, "weights.bin", 0, out var constants);
            File.WriteAllBytes(_folder.File("weights.bin"), [.. constants.SelectMany(tensor => tensor.Bytes.ToArray().Concat(new byte[(64 - tensor.Bytes.Length % 64) % 64]))]);
            File.WriteAllBytes(_folder.File("model.onnx"), model);
            return new StepContext { Stage = "s" }.WithKeyOf(_step with { Training = Toy.Settings }, OnnxModel.Load(_folder.File("model.onnx")), Train, null).Key;
        }

        var first = Key(Toy.Network());
        Assert.Equal(first, Key(Toy.Network()));
        Assert.NotEqual(first, Key(Toy.Network(seed: 3)));
    }

    [Fact]
    public void Data_is_known_by_its_files()
    {
        Directory.CreateDirectory(_folder.File("images/cat"));
        File.WriteAllText(_folder.File("images/cat/1.png"), "one");
        var spec = $"imagefolder:{_folder.File("images")}?first=10";
        var identity = DataIdentity.Of(spec);
        Assert.Equal(identity, DataIdentity.Of(spec));
        Assert.NotEqual(identity, DataIdentity.Of($"imagefolder:{_folder.File("images")}?first=9"));

        File.WriteAllText(_folder.File("images/cat/2.png"), "two");
        var added = DataIdentity.Of(spec);
        Assert.NotEqual(identity, added);
        File.SetLastWriteTimeUtc(_folder.File("images/cat/2.png"), DateTime.UtcNow.AddHours(1));
        var touched = DataIdentity.Of(spec);
        Assert.NotEqual(added, touched);
        File.WriteAllText(_folder.File("classes.txt"), "0 cat cat");
        Assert.NotEqual(touched, DataIdentity.Of(spec));

        // An empty folder is a class, and moves the numbers of those after it; a link has no content of its own.
        var classless = DataIdentity.Of(spec);
        Directory.CreateDirectory(_folder.File("images/ant"));
        var withEmpty = DataIdentity.Of(spec);
        Assert.NotEqual(classless, withEmpty);
        File.WriteAllText(_folder.File("target"), "1");
        File.CreateSymbolicLink(_folder.File("images/cat/3.png"), _folder.File("target"));
        var linked = DataIdentity.Of(spec);
        Assert.NotEqual(withEmpty, linked);
        File.WriteAllText(_folder.File("target"), "10");
        Assert.NotEqual(linked, DataIdentity.Of(spec));
        // Links to a parent folder are not followed without end.
        foreach (var name in new[] { "up", "again", "more" }) Directory.CreateSymbolicLink(_folder.File($"images/cat/{name}"), _folder.File("images/cat"));
        DataIdentity.Of(spec);

        // One file, and several with a pattern.
        File.WriteAllText(_folder.File("a_1.bin"), "x");
        var (file, pattern) = ($"cifar10:{_folder.File("a_1.bin")}", $"cifar10:{_folder.File("a_*.bin")}");
        var before = (DataIdentity.Of(file), DataIdentity.Of(pattern));
        File.WriteAllText(_folder.File("a_2.bin"), "y");
        Assert.Equal(before.Item1, DataIdentity.Of(file));
        Assert.NotEqual(before.Item2, DataIdentity.Of(pattern));

        // A file whose labels are beside it; a path with a comma.
        foreach (var name in new[] { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" }) File.WriteAllText(_folder.File(name), "x");
        var mnist = $"mnist:{_folder.File("train-images-idx3-ubyte")}";
        var labelled = DataIdentity.Of(mnist);
        File.WriteAllText(_folder.File("train-labels-idx1-ubyte"), "xy");
        Assert.NotEqual(labelled, DataIdentity.Of(mnist));
        File.WriteAllText(_folder.File("a,b.npz"), "x");
        var comma = DataIdentity.Of($"npz:{_folder.File("a,b.npz")}");
        File.WriteAllText(_folder.File("a,b.npz"), "xy");
        Assert.NotEqual(comma, DataIdentity.Of($"npz:{_folder.File("a,b.npz")}"));
    }
}
