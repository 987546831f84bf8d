using Pith.Compression.Data;
using Pith.Compression.Weights;
using Pith.Models;

namespace Pith.Compression.Tests.Weights;

public sealed class StateDictTests
{
    private static readonly ModelOptions s_small = new() { Resolution = 32 };

    // ResNet-101 is ResNeXt-101 without groups; both take seconds to fill with random numbers.
    public static TheoryData<string> TorchvisionNetworks => ["resnet18", "resnet34", "resnet50", "resnext101-32x8d", "mobilenetv2", "efficientnet-b0", "efficientnet-b1", "efficientnet-b2", "efficientnet-b3"];

    [Theory, MemberData(nameof(TorchvisionNetworks))]
    public void Networks_have_the_names_and_shapes_of_torchvision(string network) =>
        Assert.Equal(TorchvisionLayout.Of(network).Select(parameter => $"{parameter.Name} {parameter.Shape}").Order(), StateDict.Of(ModelCatalog.Find(network).Build(s_small)).Select(parameter => $"{parameter.Key} {parameter.Value.Shape}").Order());

    [Fact]
    public void A_resnet18_of_torchvision_loads_by_name_and_gives_the_logits_of_the_onnx_file()
    {
        using var folder = new TemporaryFolder();
        var tensors = TorchvisionLayout.Random("resnet18", seed: 11);
        var reference = ModelCatalog.Find("resnet18").Build(s_small);
        foreach (var (name, tensor) in tensors)
            if (!name.EndsWith("num_batches_tracked", StringComparison.Ordinal)) reference.SetConstant(reference.Find(name)!, tensor);
        OnnxModel.Save(reference, folder.File("net.onnx"));
        var expected = Logits(OnnxModel.Load(folder.File("net.onnx")));
        Assert.Contains(expected.Bytes.ToArray(), b => b != 0);

        File.WriteAllBytes(folder.File("zip.pth"), TorchSave.Zip(tensors));
        File.WriteAllBytes(folder.File("legacy.pth"), TorchSave.Legacy(tensors));
        WeightFile.Write(folder.File("net.safetensors"), tensors);
        Npz.Write(folder.File("net.npz"), tensors);
        var graph = ModelCatalog.Find("resnet18").Build(s_small with { Seed = 99 });
        foreach (var name in (string[])["zip.pth", "legacy.pth", "net.safetensors", "net.npz"])
        {
            foreach (var parameter in StateDict.Of(graph)) graph.SetConstant(graph.Find(parameter.Key)!, Tensor.Zeros(parameter.Value.DataType, parameter.Value.Shape));
            using var file = WeightFile.Open(folder.File(name));
            Assert.Empty(StateDict.Load(graph, file));
            foreach (var parameter in StateDict.Of(reference)) Assert.True(parameter.Value.Bytes.SequenceEqual(graph.Find(parameter.Key)!.Constant!.Bytes), $"{name}: {parameter.Key}");
            if (name == "zip.pth") Assert.True(expected.Bytes.SequenceEqual(Logits(graph).Bytes), name);
        }
    }

    [Theory]
    [InlineData(".pth")]
    [InlineData(".safetensors")]
    [InlineData(".npz")]
    public void Weights_that_are_written_come_back_bit_for_bit(string ending)
    {
        using var folder = new TemporaryFolder();
        // The transformer has linear layers that are MatMul, whose square weights would hide a wrong orientation; the pooled network has single numbers and shapes among its constants.
        foreach (var network in (string[])["cifar-resnet8", "cifar-vit", "text-encoder", "cifar-efficientnet"])
        {
            var graph = ModelCatalog.Find(network).Build(new ModelOptions { Seed = 3 });
            OnnxModel.Save(graph, folder.File("net.onnx"));
            var path = folder.File(network + ending);
            WeightFile.Write(path, StateDict.Of(OnnxModel.Load(folder.File("net.onnx"))));
            var (loaded, _) = Loaded(network, path);
            foreach (var constant in graph.Constants) Assert.True(constant.Constant!.Bytes.SequenceEqual(loaded.Find(constant.Name)!.Constant!.Bytes), constant.Name);
            var bytes = File.ReadAllBytes(path);
            WeightFile.Write(path, StateDict.Of(loaded));
            Assert.Equal(bytes, File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void Linear_layers_of_tokens_have_pytorch_s_orientation()
    {
        var graph = ModelCatalog.Find("cifar-vit").Build();
        var parameters = StateDict.Of(graph).ToDictionary(parameter => parameter.Key, parameter => parameter.Value);
        Assert.Equal(new Shape(3 * 96, 96), parameters["blocks.0.attn.qkv.weight"].Shape);
        var (inside, outside) = (graph.Find("blocks.0.attn.proj.weight")!.Constant!.As<float>(), parameters["blocks.0.attn.proj.weight"].As<float>());
        Assert.Equal(inside.Data[5 * 96 + 7], outside.Data[7 * 96 + 5]);
        Assert.NotEqual(inside.Data[5 * 96 + 7], outside.Data[5 * 96 + 7]);
    }

    [Fact]
    public void A_quantized_network_gives_its_integers_and_scales()
    {
        var graph = new Graph("net");
        var x = graph.AddInput("x", TensorType.Float32(1, 4));
        var weight = graph.Add(new Pith.Ops.DequantizeLinear(), graph.AddConstant("w_int8", Tensor.Create(new Shape(2, 4), new sbyte[] { 1, 2, 3, 4, 5, 6, 7, 8 })), graph.AddConstant("w_scale", Tensor.Scalar(0.5f)));
        graph.AddOutput(graph.Add(new Pith.Ops.Gemm { TransB = true }, x, weight));
        graph.AddConstant("unused", Tensor.Zeros<float>(new Shape(3)));
        Assert.Equal(["w_int8 s8[2,4]", "w_scale f32[]"], StateDict.Of(graph).Select(parameter => $"{parameter.Key} {parameter.Value}"));
    }

    [Theory]
    [InlineData(DataType.Float16)]
    [InlineData(DataType.BFloat16)]
    [InlineData(DataType.Float64)]
    public void Floats_of_another_width_are_converted(DataType type)
    {
        using var folder = new TemporaryFolder();
        var parameters = StateDict.Of(ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 4 }));
        var narrow = parameters.Select(parameter => KeyValuePair.Create(parameter.Key, parameter.Value.ConvertTo(type))).ToArray();
        File.WriteAllBytes(folder.File("net.pth"), TorchSave.Zip(narrow));
        WeightFile.Write(folder.File("net.safetensors"), narrow);
        foreach (var file in (string[])["net.pth", "net.safetensors"])
        {
            var (graph, _) = Loaded("cifar-resnet8", folder.File(file));
            foreach (var (name, tensor) in narrow) Assert.True(tensor.ConvertTo(DataType.Float32).Bytes.SequenceEqual(graph.Find(name)!.Constant!.Bytes), name);
        }
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("model.")]
    [InlineData("_orig_mod.module.")]
    public void A_prefix_of_all_names_is_taken_off(string prefix)
    {
        var (_, notes) = LoadedFrom(parameters => [.. parameters.Select(parameter => KeyValuePair.Create(prefix + parameter.Key, parameter.Value)), KeyValuePair.Create<string, Tensor>(prefix + "bn1.num_batches_tracked", Tensor.Scalar(1L))]);
        Assert.Contains($"'{prefix}'", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_missing_left_over_or_of_another_shape_are_listed()
    {
        static KeyValuePair<string, Tensor>[] Damaged(IEnumerable<KeyValuePair<string, Tensor>> parameters) =>
        [
            .. parameters.Where(parameter => parameter.Key is not ("bn1.bias" or "layer1.0.conv1.weight")),
            new("head.weight", Tensor.Zeros<float>(new Shape(2, 3))), new("layer1.0.conv1.weight", Tensor.Zeros<float>(new Shape(16, 16, 1, 1))),
        ];
        var failure = Assert.Throws<PithException>(() => LoadedFrom(Damaged)).Message;
        Assert.Contains("Missing (1): bn1.bias f32[16].", failure, StringComparison.Ordinal);
        Assert.Contains("Left over (1): head.weight f32[2,3].", failure, StringComparison.Ordinal);
        Assert.Contains("Of another shape or type (1): layer1.0.conv1.weight expected f32[16,16,3,3], got f32[16,16,1,1].", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_are_not_taken_for_weights()
    {
        var failure = Assert.Throws<PithException>(() => LoadedFrom(parameters => parameters.Select(parameter => parameter.Key == "bn1.bias" ? KeyValuePair.Create(parameter.Key, parameter.Value.ConvertTo(DataType.Int64)) : parameter))).Message;
        Assert.Contains("bn1.bias expected f32[16], got s64[16]", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_classifier_of_other_classes_is_told_which_number_to_give()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("w.safetensors");
        WeightFile.Write(path, StateDict.Of(ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Classes = 7 })));
        Assert.Contains("a network with 7 classes", Assert.Throws<PithException>(() => Loaded("cifar-resnet8", path)).Message, StringComparison.Ordinal);
        var (graph, _) = Loaded("cifar-resnet8", path, classes: 7);
        Assert.Equal(7, graph.Outputs[0].Type[1].Size);
    }

    [Fact]
    public void A_file_of_another_network_changes_nothing()
    {
        using var folder = new TemporaryFolder();
        WeightFile.Write(folder.File("w.npz"), StateDict.Of(ModelCatalog.Find("cifar-resnet20").Build()));
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        var before = graph.Find("conv1.weight")!.Constant;
        using var file = WeightFile.Open(folder.File("w.npz"));
        Assert.Contains("Left over (60)", Assert.Throws<PithException>(() => StateDict.Load(graph, file)).Message, StringComparison.Ordinal);
        Assert.Same(before, graph.Find("conv1.weight")!.Constant);
    }

    [Fact]
    public void Values_that_are_not_finite_are_noted()
    {
        var (_, notes) = LoadedFrom(parameters => parameters.Select(parameter => parameter.Key == "fc.bias" ? KeyValuePair.Create<string, Tensor>("fc.bias", Tensor.Vector(0f, 1, 2, 3, float.NaN, 5, 6, 7, 8, 9)) : parameter));
        Assert.Contains("'fc.bias'", Assert.Single(notes), StringComparison.Ordinal);
    }

    private static (Graph Graph, IReadOnlyList<string> Notes) LoadedFrom(Func<IEnumerable<KeyValuePair<string, Tensor>>, IEnumerable<KeyValuePair<string, Tensor>>> change)
    {
        using var folder = new TemporaryFolder();
        WeightFile.Write(folder.File("w.safetensors"), [.. change(StateDict.Of(ModelCatalog.Find("cifar-resnet8").Build()))]);
        return Loaded("cifar-resnet8", folder.File("w.safetensors"));
    }

    private static (Graph Graph, IReadOnlyList<string> Notes) Loaded(string network, string path, int? classes = null)
    {
        var graph = ModelCatalog.Find(network).Build(new ModelOptions { Seed = 99, Classes = classes });
        using var file = WeightFile.Open(path);
        return (graph, StateDict.Load(graph, file));
    }

    private static Tensor Logits(Graph graph)
    {
        var random = new Random(5);
        var image = Tensor.Create(new Shape(1, 3, 32, 32), Enumerable.Range(0, 3 * 32 * 32).Select(_ => random.NextSingle() - 0.5f).ToArray());
        return GraphInterpreter.Run(graph, [image])[0];
    }
}
