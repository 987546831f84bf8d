using Pith.Compression.Data;
using Pith.TestKit;

namespace Pith.Cli.Tests;

/// <summary>Classifiers of three inputs, as torch.onnx and optimum write BERT, through all verbs; sequences of open length get one by <c>--size</c>.</summary>
public sealed class BertTests : IDisposable
{
    private const int Tokens = 8;

    private readonly TemporaryFolder _folder = new();
    private readonly string _train, _test;

    public BertTests()
    {
        (_train, _test) = (Data("train.npz", 1, 96), Data("test.npz", 2, 64));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(11, "Product")]
    [InlineData(14, "Where")]
    [InlineData(17, "Infinity")]
    public void The_chain_runs_on_networks_as_exporters_write_them(int opset, string mask)
    {
        string File(string name) => _folder.File(name);
        var bert = Model(opset, mask);
        Assert.Equal(3, Json("info", bert).GetProperty("inputs").GetArrayLength());
        PithCommand.Run("check", bert, "--size", $"sequence_length={Tokens}", "--json");

        // One number is the length where nothing else is open.
        var size = opset == 11 ? $"sequence_length={Tokens}" : $"{Tokens}";
        Json("train", bert, "-o", File("trained.onnx"), "--data", _train, "--size", size, "--epochs", "2", "--batch", "16", "--lr", "0.01");
        Json("prune", File("trained.onnx"), "-o", File("sparse.onnx"), "--data", _train, "--samples", "32");
        Json("finetune", File("sparse.onnx"), "-o", File("tuned.onnx"), "--data", _train, "--epochs", "1", "--batch", "16", "--teacher", File("trained.onnx"));
        var quantized = Json("quantize", File("tuned.onnx"), "-o", File("int8.onnx"), "--data", _train, "--samples", "32");
        var layers = quantized.GetProperty("layers").EnumerateArray().ToArray();
        Assert.All(layers, layer => Assert.True(layer.GetProperty("quantized").GetBoolean()));
        // All products and nothing else: sums of embeddings and of the residual stream, softmax, normalization and GELU stay float.
        Assert.Equal(["Gemm", "MatMul"], layers.Select(layer => layer.GetProperty("op_type").GetString()).Distinct().Order());
        Assert.Equal(2 * (ExportedBert.Layers * 4 + 1), layers.Length);
        Json("qat", File("tuned.onnx"), "-o", File("qat.onnx"), "--data", _train, "--samples", "32", "--epochs", "1", "--batch", "16");
        foreach (var name in (string[])["sparse", "tuned", "int8", "qat"]) Assert.True(Json("info", File($"{name}.onnx")).GetProperty("sparse_layers").GetInt32() > 8, name);

        var eval = Json("eval", File("int8.onnx"), "--data", _test);
        Assert.Equal(64, eval.GetProperty("count").GetInt32());
        Json("build", File("int8.onnx"), "-o", File("int8.plan"), "--batch", "4", "--no-timing");
        Assert.Equal(eval.GetProperty("correct").GetInt32(), Json("eval", File("int8.plan"), "--data", _test).GetProperty("correct").GetInt32());
        Json("compare", bert, File("int8.onnx"), "--accuracy", "--data", _test, "--size", $"sequence_length={Tokens}");
        foreach (var model in (string[])[bert, File("tuned.onnx")])
            Json("compare", $"{model}@interpreter", model, "--data", _test, "--count", "8", "--size", $"sequence_length={Tokens}");
        Json("debug", File("int8.onnx"), "--float", File("tuned.onnx"), "--data", _test, "--samples", "8");
        Json("explain", File("int8.onnx"));
        Json("bench", bert, "--size", size, "--batch", "2", "--duration", "0.01", "--iterations", "2");
        PithCommand.Run("show", File("int8.onnx"), "-o", File("graph.html")).Ends(0);
        Json("export", File("tuned.onnx"), "-o", File("tuned.npz"));
    }

    [Fact]
    public void A_mask_that_the_data_does_not_have_is_asked_for_and_never_made_up()
    {
        var arrays = Arrays(1, 16);
        arrays.Remove("attention_mask");
        Npz.Write(_folder.File("unmasked.npz"), arrays);
        var bert = Model(14, "Where");
        var refused = PithCommand.Run("quantize", bert, "-o", _folder.File("int8.onnx"), "--data", $"npz:{_folder.File("unmasked.npz")}", "--size", $"{Tokens}").Refuses(1);
        Assert.Contains("'attention_mask'", refused.Error, StringComparison.Ordinal);
        Assert.Contains("does not guess which token is padding", refused.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("int8.onnx")));
    }

    [Fact]
    public void Sequences_of_open_or_wrong_length_are_refused_with_the_size_that_fits()
    {
        var bert = Model(14, "Where");
        foreach (var verb in (string[][])[["eval", bert], ["quantize", bert, "-o", _folder.File("int8.onnx")], ["finetune", bert, "-o", _folder.File("tuned.onnx")]])
        {
            Assert.Contains("sequence_length=", PithCommand.Run([.. verb, "--data", _test]).Refuses(1).Error.ReplaceLineEndings(""), StringComparison.Ordinal);
            Assert.Contains("5", PithCommand.Run([.. verb, "--data", _test, "--size", "5"]).Refuses(1).Error, StringComparison.Ordinal);
        }
        Assert.Contains("no open size called 'length'", PithCommand.Run("eval", bert, "--data", _test, "--size", $"length={Tokens}").Refuses(1).Error, StringComparison.Ordinal);
    }

    private string Model(int opset, string mask)
    {
        var path = _folder.File("bert.onnx");
        File.WriteAllBytes(path, ExportedBert.File(opset, Enum.Parse<MaskForm>(mask)));
        return path;
    }

    private string Data(string name, int seed, int count)
    {
        Npz.Write(_folder.File(name), Arrays(seed, count));
        return $"npz:{_folder.File(name)}";
    }

    /// <summary>Sequences of 3 to 8 tokens, of which more are odd or more are even.</summary>
    private static Dictionary<string, Tensor> Arrays(int seed, int count)
    {
        var random = new Random(seed);
        var (ids, mask, types, labels) = (Tensor.Zeros<long>(new Shape(count, Tokens)), Tensor.Zeros<long>(new Shape(count, Tokens)), Tensor.Zeros<long>(new Shape(count, Tokens)), new long[count]);
        for (var i = 0; i < count; i++)
        {
            var (length, second) = (random.Next(3, Tokens + 1), random.Next(1, 3));
            for (var t = 0; t < length; t++)
            {
                var at = i * Tokens + t;
                (ids.Data[at], mask.Data[at], types.Data[at]) = (random.Next(1, ExportedBert.Vocabulary), 1, t >= second ? 1 : 0);
                labels[i] += ids.Data[at] % 2 == 0 ? 1 : -1;
            }
            labels[i] = labels[i] > 0 ? 1 : 0;
        }
        return new() { ["labels"] = Tensor.Vector(labels), ["token_type_ids"] = types, ["attention_mask"] = mask, ["input_ids"] = ids };
    }

    private static System.Text.Json.JsonElement Json(params string[] arguments) => PithCommand.Run([.. arguments, "--json"]).Ends(0).Json;
}
