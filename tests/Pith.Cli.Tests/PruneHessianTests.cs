namespace Pith.Cli.Tests;

/// <summary><c>pith prune --method hessian</c> from the command line and in a recipe.</summary>
public sealed class PruneHessianTests : IDisposable
{
    private const string Data = "procedural:seed=1,count=96";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void With_images_the_error_at_the_outputs_is_told_and_is_lower_than_by_magnitude()
    {
        var json = PithCommand.Run("prune", "cifar-resnet8", "--data", Data, "--samples", "64", "-o", _folder.File("s.onnx"), "--json").Ends(0).Json;
        var stages = json.GetProperty("accuracy").EnumerateArray().ToArray();
        Assert.Equal(["prune by magnitude", "prune by second moments", "measure batch norm again"], stages.Select(stage => stage.GetProperty("name").GetString()));
        Assert.True(stages[1].GetProperty("error").GetDouble() < stages[0].GetProperty("error").GetDouble());
        Assert.Contains(json.GetProperty("reconstruction").EnumerateArray(), layer => layer.GetProperty("outcome").GetString()!.StartsWith("mask by", StringComparison.Ordinal));
        Assert.Equal(json.GetProperty("pruned_layers").GetInt32(), PithCommand.Run("prune", "cifar-resnet8", "-o", _folder.File("m.onnx"), "--json").Ends(0).Json.GetProperty("pruned_layers").GetInt32());
    }

    [Fact]
    public void People_read_a_table_of_it()
    {
        var run = PithCommand.Run("prune", "cifar-resnet8", "--data", Data, "--samples", "32", "--pattern", "4:2:4", "--channel-order", "keep", "-o", _folder.File("s.onnx")).Ends(0);
        Assert.All(["prune by second moments", "SNR of the outputs", "SNR after"], expected => Assert.Contains(expected, run.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Without_images_it_is_refused_and_says_what_is_missing()
    {
        var run = PithCommand.Run("prune", "cifar-resnet8", "--method", "hessian", "-o", _folder.File("s.onnx")).Refuses(1);
        Assert.Contains("--data", run.Error, StringComparison.Ordinal);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void By_magnitude_images_measure_batch_norm_again_and_masks_are_those_without_images()
    {
        var run = PithCommand.Run("prune", "cifar-resnet8", "--method", "magnitude", "--data", Data, "--samples", "32", "-o", _folder.File("data.onnx")).Ends(0);
        Assert.Contains("measure batch norm again", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("second moments", run.Output, StringComparison.Ordinal);
        PithCommand.Run("prune", "cifar-resnet8", "-o", _folder.File("plain.onnx")).Ends(0);
        var (plain, measured) = (SparsityRecord.RecoverMasks(OnnxModel.Load(_folder.File("plain.onnx"))), SparsityRecord.RecoverMasks(OnnxModel.Load(_folder.File("data.onnx"))));
        Assert.Equal(plain.OrderBy(mask => mask.Key), measured.OrderBy(mask => mask.Key));
    }

    [Theory]
    [InlineData("--method", "nosuch")]
    [InlineData("--method", "hessian", "--data", Data, "--samples", "0")]
    [InlineData("--method", "hessian", "--data", Data, "--pattern", "12:2:4")]
    [InlineData("--method", "hessian", "--data", "procedural:count=0")]
    public void What_cannot_be_is_refused_and_nothing_is_written(params string[] arguments)
    {
        var run = PithCommand.Run(["prune", "cifar-resnet8", .. arguments, "-o", _folder.File("s.onnx")]);
        Assert.InRange(run.ExitCode, 1, 2);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_recipe_needs_training_data_for_it()
    {
        string Recipe(string data) => $$"""
            { "name": "one-shot", "model": { "builder": "cifar-resnet8" }, "data": { {{data}} "test": "procedural:seed=2,count=8" }, "benchmark": { "batches": [1], "seconds": 0 },
              "steps": [ { "step": "prune", "method": "hessian", "samples": 32, "calibration_seed": 3 } ] }
            """;
        File.WriteAllText(_folder.File("r.json"), Recipe(""));
        Assert.Contains("needs training data", PithCommand.Run("run", _folder.File("r.json"), "-o", _folder.File("out")).Refuses(1).Error, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("r.json"), Recipe($"\"train\": \"{Data}\","));
        PithCommand.Run("run", _folder.File("r.json"), "-o", _folder.File("out")).Ends(0);
    }
}
