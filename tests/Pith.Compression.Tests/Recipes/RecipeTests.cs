using Pith.Benchmarking;

namespace Pith.Compression.Tests.Recipes;

public class RecipeTests
{
    private const string Whole = """
        {
          // Comments are welcome.
          "name": "test",
          "model": { "builder": "cifar_resnet8", "seed": 3 },
          "data": { "train": "procedural:seed=1", "validation": "procedural:seed=2", "test": "procedural:seed=3" },
          "benchmark": { "batches": [1, 8], "seconds": 0.5 },
          "steps": [
            { "step": "train", "name": "dense", "epochs": 5, "optimizer": { "weight_decay": 0.01 }, "schedule": { "kind": "warm_up", "epochs": 0.5, "then": { "kind": "step", "epochs": [3] } } },
            { "step": "train", "name": "student", "from": "initial", "teacher": "dense", "validation": "keep_best", "report": false, },
          ],
        }
        """;

    [Fact]
    public void A_recipe_reads_as_written_and_the_rest_are_defaults()
    {
        var recipe = Recipe.Parse(Whole, "test");
        Assert.Equal(("test", "initial", 3), (recipe.Name, recipe.Model.StageName, recipe.Model.Seed));
        Assert.Equal(new BenchmarkSettings { Batches = [1, 8], Seconds = 0.5 }, recipe.Benchmark);
        var dense = recipe.Stages[0];
        Assert.Equal(("dense", "initial", true), (dense.Name, dense.From, dense.Report));
        var expected = TrainingSettings.FromScratch with
        {
            Epochs = 5,
            Optimizer = new SgdSettings { WeightDecay = 0.01 },
            Schedule = new WarmUpSchedule { Epochs = 0.5, Then = new StepSchedule { Epochs = [3] } },
        };
        Assert.Equal(new TrainStep(expected), dense.Step);
        Assert.False(recipe.Stages[1].Report);
        Assert.Equal(ValidationMode.KeepBest, ((TrainStep)recipe.Stages[1].Step).Training.Validation);
    }

    [Fact]
    public void Every_step_survives_a_round_trip_through_json()
    {
        foreach (var step in StepCatalog.All)
        {
            Assert.Equal(step, step.Read(step.ToJson(), "step"));
            Assert.Same(step, StepCatalog.Find(step.Kind));
            var names = step.Parts.SelectMany(SettingsJson.FieldNames).ToArray();
            Assert.Equal(names.Distinct(), names);
        }
    }

    [Fact]
    public void The_demo_is_a_recipe()
    {
        var demo = Recipe.Builtin("demo");
        Assert.Equal(["train", "prune", "finetune", "quantize", "quantize", "qat"], demo.Stages.Select(stage => stage.Step.Kind));
        Assert.Throws<PithException>(() => Recipe.Builtin("nothing"));
    }

    [Theory]
    [InlineData("\"epochs\": 5", "\"epoch\": 5", "'dense'", "no field 'epoch'", "'epochs'")]
    [InlineData("\"epochs\": 5", "\"epochs\": 0", "'epochs'", "from 1 to 10000", "got 0")]
    [InlineData("\"epochs\": 5", "\"epochs\": 1e99", "'epochs'", "a whole number, got 1e99", "")]
    [InlineData("\"epochs\": 5", "\"epochs\": \"five\"", "'epochs'", "a whole number, got \"five\"", "")]
    [InlineData("\"epochs\": 5", "\"epochs\": 5, \"recompute\": \"some\"", "'recompute'", "expected \"none\", \"selective\" or \"full\", got \"some\"", "")]
    [InlineData("\"epochs\": 5", "\"epochs\": null", "'epochs'", "a whole number, got null", "")]
    [InlineData("\"epochs\": 5", "\"epochs\": 5, \"epochs\": 6", "test", "not valid JSON", "epochs")]
    [InlineData("\"weight_decay\"", "\"weight_dekay\"", "'optimizer'", "no field 'weight_dekay'", "'weight_decay'")]
    [InlineData("\"weight_decay\"", "\"kind\": \"lion\", \"weight_decay\"", "'optimizer'", "no kind 'lion'", "sgd, adamw")]
    [InlineData("\"step\": \"train\", \"name\": \"dense\"", "\"step\": \"tran\", \"name\": \"dense\"", "step 1", "no step 'tran'", "'train'")]
    [InlineData("\"step\": \"train\", \"name\": \"dense\"", "\"name\": \"dense\"", "step 1", "expected 'step'", "train")]
    [InlineData("\"name\": \"student\"", "\"name\": \"Dense\"", "step 2", "a stage 'Dense' already", "")]
    [InlineData("\"name\": \"student\"", "\"name\": \"../student\"", "step 2", "letters, digits", "'../student'")]
    [InlineData("\"from\": \"initial\"", "\"from\": \"initail\"", "step 2", "no earlier stage 'initail'", "'initial'")]
    [InlineData("\"teacher\": \"dense\"", "\"teacher\": \"student\"", "step 2", "no earlier stage 'student'", "'dense'")]
    [InlineData("\"validation\": \"procedural:seed=2\",", "", "step 2", "needs validation data", "")]
    [InlineData("\"train\": \"procedural:seed=1\",", "", "step 1", "needs training data", "")]
    [InlineData("\"test\": \"procedural:seed=3\"", "\"test\": \"procedural:seed=1\"", "'data'", "nothing else uses", "")]
    [InlineData("\"builder\": \"cifar_resnet8\"", "\"builder\": \"x\", \"file\": \"y\"", "'model'", "exactly one of", "")]
    [InlineData("\"builder\": \"cifar_resnet8\"", "\"file\": \"y\", \"weights\": \"z.npz\"", "'model'", "'weights' are those of a built-in network", "")]
    [InlineData("\"benchmark\": {", "\"x\": {", "test", "no field 'x'", "")]
    [InlineData("\"batches\": [1, 8]", "\"batches\": [1, null]", "'benchmark'", "'batches", "a list, each element a whole number, got [1,null]")]
    [InlineData("\"batches\": [1, 8]", "\"batches\": [0]", "'benchmark'", "'batches'", "got 0")]
    [InlineData("\"name\": \"test\",", "", "test", "expected 'name'", "")]
    [InlineData("{", "[", "test", "not valid JSON", "")]
    public void A_mistake_is_an_error_that_says_where_and_what_is_expected(string right, string wrong, string where, string problem, string hint)
    {
        Assert.Contains(right, Whole);
        var at = Whole.IndexOf(right, StringComparison.Ordinal);
        var text = string.Concat(Whole.AsSpan(0, at), wrong, Whole.AsSpan(at + right.Length));
        var message = Assert.Throws<PithException>(() => Recipe.Parse(text, "test")).Message;
        Assert.Contains(where, message);
        Assert.Contains(problem, message);
        Assert.Contains(hint, message);
    }

    [Fact]
    public void Hostile_text_is_refused_without_harm()
    {
        string[] texts =
        [
            "", "null", "[]", "7", "\0", new string('[', 100_000), "{\"name\":" + new string('{', 5000), new string(' ', SettingsJson.MaxCharacters + 1),
            Whole.Replace("\"epochs\": 5", "\"schedule\": {\"kind\":\"warm_up\",\"then\":{\"kind\":\"warm_up\",\"then\":{\"kind\":\"warm_up\"}}}"),
            Whole.Replace("\"steps\": [", "\"steps\": [ null, "), Whole.Replace("\"steps\": [", "\"steps\": [ [], "), Whole.Replace("\"optimizer\": {", "\"optimizer\": [ {"),
        ];
        foreach (var text in texts) Assert.Throws<PithException>(() => Recipe.Parse(text, "test"));
        Assert.Throws<PithException>(() => Recipe.Load("/nowhere/recipe.json"));
    }
}
